# Would other pairs, more points or other settings give the same neurons?

VARIANTS = STUDY["sensitivity"]["variants"]
VARIANT_SHARDS = range(attribution_shards(STUDY))
VARIED = [
    (collection, label)
    for collection, label in attributed(STUDY)
    if collection in STUDY["sensitivity"]["collections"]
]
OWN_METHOD = method_settings(STUDY, own_method(STUDY))["method"]
# The points of the other methods are no setting, or are checked module by module.
HAS_POINTS = OWN_METHOD == "neuron_integrated_gradients"
CONVERGENCE = (
    ["<results>/convergence.parquet"]
    if HAS_POINTS and STUDY["attribution"]["convergence_pairs"]
    else []
)
SENSITIVITY = ["<results>/sensitivity.parquet"] if VARIANTS else []


wildcard_constraints:
    variant="|".join(VARIANTS) or "study",


rule measure_stability:
    input:
        neuron_scores=NEURON_SCORES,
        bootstrap_scores=[f"<results>/bootstrap_scores/{one.path}.parquet" for one in MAPS],
        half_scores=[f"<results>/half_scores/{one.path}.parquet" for one in MAPS],
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/stability/measure_stability.sql"),
            workflow.source_path("../workflow_scripts/stability/compare_halves.sql"),
        ],
    output:
        selection_frequencies="<results>/selection_frequencies.parquet",
        split_halves="<results>/split_halves.parquet",
    log:
        "<logs>/measure_stability.log",
    benchmark:
        "<benchmarks>/measure_stability.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(NEEDS.stability_mb()),
        runtime=growing(NEEDS.stability_minutes()),
    params:
        top_percents=STUDY["selection"]["top_percents"],
    message:
        "Measure how stable the selection is over pairs"
    script:
        "../workflow_scripts/stability/measure_stability.py"


rule double_points:
    input:
        documents=rules.prepare_collection.output.documents,
        queries=rules.prepare_collection.output.queries,
        pairs=rules.score_pairs.output.pairs,
        reranker=RERANKER_FILES,
    output:
        neurons="<results>/doubled_scores/{collection}.parquet",
        pairs="<results>/doubled_checks/{collection}.parquet",
    log:
        "<logs>/double_points/{collection}.log",
    benchmark:
        "<benchmarks>/double_points/{collection}.tsv"
    conda:
        "../envs/attribution.yaml"
    resources:
        gpu=1,
        mem_mb=growing(NEEDS.attribution_mb()),
        runtime=growing(NEEDS.doubled_minutes()),
    params:
        reranker=RERANKER,
        settings=path_settings(),
        labels=collection_labels,
        n_pairs=STUDY["attribution"]["convergence_pairs"],
        version=VERSIONS["attribution"],
    message:
        "Attribute pairs of {wildcards.collection} with twice the points"
    script:
        "../workflow_scripts/stability/double_points.py"


rule check_convergence:
    input:
        neurons=expand(
            rules.double_points.output.neurons, collection=STUDY["attribution"]["collections"]
        ),
        pairs=expand(
            rules.double_points.output.pairs, collection=STUDY["attribution"]["collections"]
        ),
    output:
        convergence="<results>/convergence.parquet",
    log:
        "<logs>/check_convergence.log",
    benchmark:
        "<benchmarks>/check_convergence.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(NEEDS.maps_mb()),
        runtime=growing(LIGHT_MINUTES),
    params:
        collections=STUDY["attribution"]["collections"],
        top_percents=STUDY["selection"]["top_percents"],
    message:
        "Compare the maps with those of twice the points"
    script:
        "../workflow_scripts/stability/check_convergence.py"


use rule attribute_neurons as attribute_variant with:
    output:
        sums=temp(
            "<results>/shards/variants/{variant}/neuron_scores/{collection}/{label}/{shard}.parquet"
        ),
        checks=temp(
            "<results>/shards/variants/{variant}/attribution_checks/"
            "{collection}/{label}/{shard}.parquet"
        ),
    log:
        "<logs>/attribute_variant/{variant}/{collection}/{label}/{shard}.log",
    benchmark:
        "<benchmarks>/attribute_variant/{variant}/{collection}/{label}/{shard}.tsv"
    params:
        reranker=RERANKER,
        settings=variant_settings,
        of=map_pairs,
        n_shards=map_shards,
        version=VERSIONS["attribution"],
    message:
        "Attribute the {wildcards.label} pairs of {wildcards.collection} as variant"
        " {wildcards.variant} (shard {wildcards.shard})"


use rule merge_attribution as merge_variant with:
    input:
        sums=expand(
            rules.attribute_variant.output.sums,
            shard=VARIANT_SHARDS,
            allow_missing=True,
        ),
        checks=expand(
            rules.attribute_variant.output.checks,
            shard=VARIANT_SHARDS,
            allow_missing=True,
        ),
        script=[workflow.source_path("../workflow_scripts/attribution/attribute_neurons.py")],
    output:
        scores="<results>/variants/{variant}/neuron_scores/{collection}/{label}.parquet",
        checks="<results>/variants/{variant}/attribution_checks/{collection}/{label}.parquet",
    log:
        "<logs>/merge_variant/{variant}/{collection}/{label}.log",
    benchmark:
        "<benchmarks>/merge_variant/{variant}/{collection}/{label}.tsv"
    params:
        settings=variant_settings,
        method=map_method,
    message:
        "Merge the shards of the {wildcards.label} map of {wildcards.collection} as variant"
        " {wildcards.variant}"


rule compare_variants:
    input:
        study=[
            f"<results>/neuron_scores/{collection}/{label}.parquet" for collection, label in VARIED
        ],
        variants=[
            f"<results>/variants/{variant}/neuron_scores/{collection}/{label}.parquet"
            for variant in VARIANTS
            for collection, label in VARIED
        ],
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/stability/compare_variants.sql"),
        ],
    output:
        sensitivity="<results>/sensitivity.parquet",
    log:
        "<logs>/compare_variants.log",
    benchmark:
        "<benchmarks>/compare_variants.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(NEEDS.maps_mb()),
        runtime=growing(LIGHT_MINUTES),
    params:
        variants=list(VARIANTS),
        top_percents=STUDY["selection"]["top_percents"],
    message:
        "Compare the maps of the variants with each other and with the study's"
    script:
        "../workflow_scripts/stability/compare_variants.py"
