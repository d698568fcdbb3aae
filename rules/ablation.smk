# What the ranker loses without a scheme's neurons, and whether that could be chance.


wildcard_constraints:
    batch="|".join(re.escape(name) for name in {name for name, level in BATCHES}),


rule draw_candidates:
    input:
        unpack(first_stage),
        documents=rules.prepare_collection.output.documents,
        queries=rules.prepare_collection.output.queries,
        qrels=rules.prepare_collection.output.qrels,
    output:
        candidates="<results>/candidates/{collection}.parquet",
    log:
        "<logs>/draw_candidates/{collection}.log",
    benchmark:
        "<benchmarks>/draw_candidates/{collection}.tsv"
    conda:
        "../envs/collections.yaml"
    resources:
        mem_mb=growing(10000),  # ids, and the index that is mapped into memory
        runtime=growing(60),
    params:
        bm25=bm25_settings,
        settings=candidate_settings,
        version=VERSIONS["ablation"],
    message:
        "Draw the passages of {wildcards.collection} that are re-ranked"
    script:
        "../workflow_scripts/ablation/draw_candidates.py"


rule rerank_candidates:
    input:
        unpack(selection_files),
        candidates=rules.draw_candidates.output.candidates,
        documents=rules.prepare_collection.output.documents,
        queries=rules.prepare_collection.output.queries,
        reranker=RERANKER_FILES,
    output:
        rerankings="<results>/shards/rerankings/{collection}/{batch}/{top_percent}/{shard}.parquet",
    log:
        "<logs>/rerank_candidates/{collection}/{batch}/{top_percent}/{shard}.log",
    benchmark:
        "<benchmarks>/rerank_candidates/{collection}/{batch}/{top_percent}/{shard}.tsv"
    conda:
        "../envs/ranking.yaml"
    resources:
        gpu=1,
        mem_mb=growing(NEEDS.ranker_mb()),
        runtime=batch_runtime,
    params:
        reranker=RERANKER,
        schemes=batch_schemes,
        settings=batch_settings,
        n_shards=batch_shards,
        version=VERSIONS["ablation"],
    message:
        "Re-rank {wildcards.collection} without the neurons of {wildcards.batch} at"
        " {wildcards.top_percent} % (shard {wildcards.shard})"
    script:
        "../workflow_scripts/ablation/rerank_candidates.py"


MATCHES = ["<results>/match_quality.parquet"] if "matched" in STUDY["ablation"]["further"] else []

if MATCHES:

    rule check_matches:
        input:
            schemes=rules.gather_schemes.output.schemes,
            activations=rules.pool_activations.output.activations,
            reranker=RERANKER_FILES,
            heads=HEAD_SELECTIONS,
        output:
            match_quality=MATCHES[0],
        log:
            "<logs>/check_matches.log",
        benchmark:
            "<benchmarks>/check_matches.tsv"
        conda:
            "../envs/ranking.yaml"
        resources:
            mem_mb=growing(NEEDS.maps_mb()),
            runtime=growing(LIGHT_MINUTES),
        params:
            reranker=RERANKER,
            ablated=ablated_schemes(STUDY),
            settings={"random_draws": STUDY["ablation"]["random_draws"], "seed": STUDY["seed"]},
            version=VERSIONS["ablation"],
        message:
            "Compare matched random neurons with those of the schemes"
        script:
            "../workflow_scripts/ablation/check_matches.py"


rule measure_rankings:
    input:
        shards=ranking_shards,
        qrels=rules.prepare_collection.output.qrels,
        sql=[workflow.source_path("../workflow_scripts/ablation/measure_rankings.sql")],
    output:
        rerankings="<results>/rerankings/{collection}.parquet",
        measures="<results>/measures/{collection}.parquet",
    log:
        "<logs>/measure_rankings/{collection}.log",
    benchmark:
        "<benchmarks>/measure_rankings/{collection}.tsv"
    conda:
        "../envs/ranking.yaml"
    resources:
        mem_mb=growing(NEEDS.rankings_mb()),
        runtime=growing(3 * LIGHT_MINUTES),
    params:
        settings=measure_settings(shuffles=STUDY["ablation"]["shuffles"], seed=STUDY["seed"]),
    message:
        "Gather and measure the rankings of {wildcards.collection}"
    script:
        "../workflow_scripts/ablation/measure_rankings.py"


rule test_ablations:
    input:
        measures=expand(
            rules.measure_rankings.output.measures,
            collection=STUDY["ablation"]["collections"],
        ),
        scheme_sizes=rules.gather_schemes.output.scheme_sizes,
    output:
        ablation_effects="<results>/ablation_effects.parquet",
    log:
        "<logs>/test_ablations.log",
    benchmark:
        "<benchmarks>/test_ablations.tsv"
    conda:
        "../envs/ranking.yaml"
    resources:
        mem_mb=growing(NEEDS.rankings_mb()),
        runtime=growing(3 * LIGHT_MINUTES),
    params:
        collections=STUDY["ablation"]["collections"],
        ablated=ablated_schemes(STUDY),
        levels=list(map(float, LEVELS)),
        significance=STUDY["ablation"]["significance"],
        equivalence_margin=STUDY["ablation"]["equivalence_margin"],
        seed=STUDY["seed"],
        version=VERSIONS["effects"],
    message:
        "Test what the ablations change"
    script:
        "../workflow_scripts/ablation/test_ablations.py"


# A domain of one collection says no more than that collection.
ABLATION_DOMAINS = {
    name: STUDY["collections"][name]["domain"] for name in STUDY["ablation"]["collections"]
}
POOLED = ["<results>/pooled_effects.parquet"] if len(ABLATION_DOMAINS) > 1 else []

if POOLED:

    rule pool_effects:
        input:
            measures=expand(
                rules.measure_rankings.output.measures,
                collection=STUDY["ablation"]["collections"],
            ),
            scheme_sizes=rules.gather_schemes.output.scheme_sizes,
        output:
            pooled_effects=POOLED[0],
        log:
            "<logs>/pool_effects.log",
        benchmark:
            "<benchmarks>/pool_effects.tsv"
        conda:
            "../envs/ranking.yaml"
        resources:
            mem_mb=growing(NEEDS.rankings_mb()),
            runtime=growing(3 * LIGHT_MINUTES),
        params:
            domains=ABLATION_DOMAINS,
            ablated=ablated_schemes(STUDY),
            levels=list(map(float, LEVELS)),
            significance=STUDY["ablation"]["significance"],
            seed=STUDY["seed"],
            version=VERSIONS["effects"],
        message:
            "Test each ablation once over the queries of all collections of a domain"
        script:
            "../workflow_scripts/ablation/pool_effects.py"


CURVES = STUDY["ablation"].get("curves", {})
CURVE_TABLES = ["<results>/loss_curves.parquet", "<results>/curve_areas.parquet"] if CURVES else []

if CURVES:

    rule measure_curves:
        input:
            measures=expand(
                rules.measure_rankings.output.measures, collection=CURVES["collections"]
            ),
            scheme_sizes=SIZES,
        output:
            loss_curves=CURVE_TABLES[0],
            curve_areas=CURVE_TABLES[1],
        log:
            "<logs>/measure_curves.log",
        benchmark:
            "<benchmarks>/measure_curves.tsv"
        conda:
            "../envs/ranking.yaml"
        resources:
            mem_mb=growing(NEEDS.rankings_mb()),
            runtime=growing(3 * LIGHT_MINUTES),
        params:
            collections=CURVES["collections"],
            schemes=CURVES["schemes"],
            levels=list(map(float, CURVE_LEVELS)),
            methods=list(given_methods(STUDY)),
            seed=STUDY["seed"],
            version=VERSIONS["effects"],
        message:
            "Draw the losses against the number of neurons off"
        script:
            "../workflow_scripts/ablation/measure_curves.py"


rule measure_levels:
    input:
        **{
            name: expand(files, collection=STUDY["ablation"]["collections"])
            for name, files in (
                ("rerankings", rules.measure_rankings.output.rerankings),
                ("measures", rules.measure_rankings.output.measures),
                ("candidates", rules.draw_candidates.output.candidates),
                ("documents", rules.prepare_collection.output.documents),
                ("queries", rules.prepare_collection.output.queries),
                ("qrels", rules.prepare_collection.output.qrels),
            )
        },
        scheme_sizes=SIZES,
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/ablation/query_changes.sql"),
            workflow.source_path("../workflow_scripts/ablation/level_changes.sql"),
            workflow.source_path("../workflow_scripts/ablation/level_controls.sql"),
        ],
    output:
        level_changes="<results>/level_changes.parquet",
        level_controls="<results>/level_controls.parquet",
    log:
        "<logs>/measure_levels.log",
    benchmark:
        "<benchmarks>/measure_levels.tsv"
    conda:
        "../envs/ranking.yaml"
    resources:
        mem_mb=growing(NEEDS.rankings_mb()),
        runtime=growing(3 * LIGHT_MINUTES),
    params:
        languages={
            name: STUDY["collections"][name]["language"]
            for name in STUDY["ablation"]["collections"]
        },
        seed=STUDY["seed"],
        version=VERSIONS["effects"],
    message:
        "Measure how far ablations shift all scores, and what they take within queries"
    script:
        "../workflow_scripts/ablation/measure_levels.py"
