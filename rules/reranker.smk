# The ranker: made here if the study says so, and how well it ranks beside BM25.

if "finetune" in STUDY["reranker"]:

    rule finetune_reranker:
        input:
            documents=expand(
                rules.prepare_collection.output.documents,
                collection=STUDY["reranker"]["finetune"]["collections"],
            ),
            queries=expand(
                rules.prepare_collection.output.queries,
                collection=STUDY["reranker"]["finetune"]["collections"],
            ),
            qrels=expand(
                rules.prepare_collection.output.qrels,
                collection=STUDY["reranker"]["finetune"]["collections"],
            ),
            base=BASE_FILES,
        output:
            model=directory("<results>/reranker"),
            training="<results>/training.parquet",
        log:
            "<logs>/finetune_reranker.log",
        benchmark:
            "<benchmarks>/finetune_reranker.tsv"
        conda:
            "../envs/training.yaml"
        threads: 2
        resources:
            gpu=1,
            mem_mb=growing(2 * NEEDS.ranker_mb()),
            runtime=growing(NEEDS.training_minutes()),
        params:
            finetune=STUDY["reranker"]["finetune"],
            relevant=[
                STUDY["collections"][name]["relevant"]
                for name in STUDY["reranker"]["finetune"]["collections"]
            ],
            non_relevant=[
                STUDY["collections"][name]["non_relevant"]
                for name in STUDY["reranker"]["finetune"]["collections"]
            ],
            seed=STUDY["seed"],
            version=VERSIONS["training"],
        message:
            "Fine-tune a ranker from {params.finetune[base]}"
        script:
            "../workflow_scripts/reranker/finetune_reranker.py"


rule search_collection:
    input:
        unpack(first_stage),
        documents=rules.prepare_collection.output.documents,
        queries=rules.prepare_collection.output.queries,
        qrels=rules.prepare_collection.output.qrels,
    output:
        run="<results>/runs/{collection}.parquet",
    log:
        "<logs>/search_collection/{collection}.log",
    benchmark:
        "<benchmarks>/search_collection/{collection}.tsv"
    conda:
        "../envs/collections.yaml"
    resources:
        mem_mb=growing(10000),  # ids, and the index that is mapped into memory
        runtime=growing(60),
    params:
        bm25=bm25_settings,
        settings={
            "depth": STUDY["evaluation"]["depth"],
            "max_queries": STUDY["evaluation"]["max_queries"],
            "seed": STUDY["seed"],
        },
        version=VERSIONS["ablation"],
    message:
        "Find passages of {wildcards.collection} for its queries"
    script:
        "../workflow_scripts/reranker/search_collection.py"


rule evaluate_reranker:
    input:
        run=rules.search_collection.output.run,
        documents=rules.prepare_collection.output.documents,
        queries=rules.prepare_collection.output.queries,
        qrels=rules.prepare_collection.output.qrels,
        reranker=RERANKER_FILES,
    output:
        evaluation="<results>/evaluations/{collection}.parquet",
    log:
        "<logs>/evaluate_reranker/{collection}.log",
    benchmark:
        "<benchmarks>/evaluate_reranker/{collection}.tsv"
    conda:
        "../envs/ranking.yaml"
    resources:
        gpu=1,
        mem_mb=growing(NEEDS.ranker_mb()),
        runtime=growing(NEEDS.evaluation_minutes()),
    params:
        reranker=RERANKER,
        settings={
            "max_queries": STUDY["evaluation"]["max_queries"],
            "seed": STUDY["seed"],
        },
        measure=measure_settings(),
        version=VERSIONS["ablation"],
    message:
        "Measure the rankings of {wildcards.collection} by the first stage and by the ranker"
    script:
        "../workflow_scripts/reranker/evaluate_reranker.py"


rule summarise_evaluations:
    input:
        evaluations=expand(
            rules.evaluate_reranker.output.evaluation,
            collection=STUDY["evaluation"]["collections"],
        ),
    output:
        ranking_quality="<results>/ranking_quality.parquet",
    log:
        "<logs>/summarise_evaluations.log",
    benchmark:
        "<benchmarks>/summarise_evaluations.tsv"
    conda:
        "../envs/ranking.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(LIGHT_MINUTES),
    params:
        collections=STUDY["evaluation"]["collections"],
        seed=STUDY["seed"],
    message:
        "Summarise the rankings of the first stage and of the ranker"
    script:
        "../workflow_scripts/reranker/summarise_evaluations.py"
