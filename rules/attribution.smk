# Judged pairs, and the scores of every neuron on them.

# Kept apart by kind of token where tokens are asked for too; empty by a method that has none.
KIND_NAMES = ["neuron_tokens"] if "tokens" in STUDY else []
KIND_FILE = "{collection}/{label}{at_method}"


rule score_pairs:
    input:
        documents=rules.prepare_collection.output.documents,
        queries=rules.prepare_collection.output.queries,
        qrels=rules.prepare_collection.output.qrels,
        reranker=RERANKER_FILES,
    output:
        pairs="<results>/pairs/{collection}.parquet",
        activations="<results>/activations/{collection}.parquet",
    log:
        "<logs>/score_pairs/{collection}.log",
    benchmark:
        "<benchmarks>/score_pairs/{collection}.tsv"
    conda:
        "../envs/attribution.yaml"
    resources:
        gpu=1,
        mem_mb=growing(NEEDS.ranker_mb()),
        runtime=growing(NEEDS.judged_minutes()),
    params:
        reranker=RERANKER,
        grades=grades,
        settings=pair_settings(),
        version=(VERSIONS["pairs"], VERSIONS["attribution"]),
    message:
        "Score the judged pairs of {wildcards.collection}, and measure the neurons on those kept"
    script:
        "../workflow_scripts/attribution/score_pairs.py"


rule compare_baselines:
    input:
        documents=expand(
            rules.prepare_collection.output.documents,
            collection=STUDY["baselines"]["collection"],
        ),
        queries=expand(
            rules.prepare_collection.output.queries,
            collection=STUDY["baselines"]["collection"],
        ),
        qrels=expand(
            rules.prepare_collection.output.qrels,
            collection=STUDY["baselines"]["collection"],
        ),
        reranker=RERANKER_FILES,
    output:
        baselines="<results>/baselines.parquet",
    log:
        "<logs>/compare_baselines.log",
    benchmark:
        "<benchmarks>/compare_baselines.tsv"
    conda:
        "../envs/attribution.yaml"
    resources:
        gpu=1,
        mem_mb=growing(NEEDS.ranker_mb()),
        runtime=growing(NEEDS.baselines_minutes()),
    params:
        reranker=RERANKER,
        grades=label_grades(STUDY["baselines"]["collection"]),
        n_pairs=STUDY["baselines"]["pairs"],
        chosen=STUDY["attribution"]["baseline"],
        seed=STUDY["seed"],
        version=VERSIONS["attribution"],
    message:
        "Compare the baselines of the attribution"
    script:
        "../workflow_scripts/attribution/compare_baselines.py"


rule attribute_neurons:
    input:
        unpack(method_files),
        documents=rules.prepare_collection.output.documents,
        queries=rules.prepare_collection.output.queries,
        pairs=rules.score_pairs.output.pairs,
        reranker=RERANKER_FILES,
    output:
        **{
            name: temp(f"<results>/shards/{name}/{KIND_FILE}/{{shard}}.parquet")
            for name in KIND_NAMES
        },
        sums=temp("<results>/shards/neuron_scores/{collection}/{label}{at_method}/{shard}.parquet"),
        checks=temp(
            "<results>/shards/attribution_checks/{collection}/{label}{at_method}/{shard}.parquet"
        ),
    log:
        "<logs>/attribute_neurons/{collection}/{label}{at_method}/{shard}.log",
    benchmark:
        "<benchmarks>/attribute_neurons/{collection}/{label}{at_method}/{shard}.tsv"
    conda:
        "../envs/attribution.yaml"
    resources:
        gpu=1,
        mem_mb=growing(NEEDS.attribution_mb()),
        runtime=shard_runtime,
    params:
        reranker=RERANKER,
        settings=map_settings,
        of=map_pairs,
        n_shards=map_shards,
        version=VERSIONS["attribution"],
    message:
        "Attribute the {wildcards.label}{wildcards.at_method} pairs of {wildcards.collection} to"
        " neurons (shard {wildcards.shard})"
    script:
        "../workflow_scripts/attribution/attribute_neurons.py"


# The shards are gone once they are merged. Their inputs and settings Snakemake remembers, but not
# when their script was written: it stands here too.
rule merge_attribution:
    input:
        **{name: map_shard_files(name) for name in KIND_NAMES},
        sums=map_shard_files("neuron_scores"),
        checks=map_shard_files("attribution_checks"),
        script=[workflow.source_path("../workflow_scripts/attribution/attribute_neurons.py")],
    output:
        **{name: f"<results>/{name}/{KIND_FILE}.parquet" for name in KIND_NAMES},
        scores="<results>/neuron_scores/{collection}/{label}{at_method}.parquet",
        bootstrap="<results>/bootstrap_scores/{collection}/{label}{at_method}.parquet",
        halves="<results>/half_scores/{collection}/{label}{at_method}.parquet",
        checks="<results>/attribution_checks/{collection}/{label}{at_method}.parquet",
    log:
        "<logs>/merge_attribution/{collection}/{label}{at_method}.log",
    benchmark:
        "<benchmarks>/merge_attribution/{collection}/{label}{at_method}.tsv"
    conda:
        "../envs/attribution.yaml"
    resources:
        mem_mb=growing(NEEDS.merge_mb()),
        runtime=growing(LIGHT_MINUTES),
    params:
        settings=map_settings,
        method=map_method,
    message:
        "Merge the shards of the {wildcards.label}{wildcards.at_method} map of {wildcards.collection}"
    script:
        "../workflow_scripts/attribution/merge_attribution.py"


rule pool_activations:
    input:
        activations=expand(
            rules.score_pairs.output.activations,
            collection=STUDY["attribution"]["collections"],
        ),
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/attribution/pool_activations.sql"),
        ],
    output:
        activations="<results>/activations.parquet",
    log:
        "<logs>/pool_activations.log",
    benchmark:
        "<benchmarks>/pool_activations.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(NEEDS.maps_mb()),
        runtime=growing(LIGHT_MINUTES),
    message:
        "Pool the activations of all collections"
    script:
        "../workflow_scripts/attribution/pool_activations.py"
