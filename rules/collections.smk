# A collection from ir_datasets, from files or from docstrings becomes three tables.


rule prepare_collection:
    input:
        source_files,
    output:
        documents="<results>/collections/{collection}/documents.parquet",
        queries="<results>/collections/{collection}/queries.parquet",
        qrels="<results>/collections/{collection}/qrels.parquet",
    log:
        "<logs>/prepare_collection/{collection}.log",
    benchmark:
        "<benchmarks>/prepare_collection/{collection}.tsv"
    conda:
        "../envs/collections.yaml"
    resources:
        mem_mb=growing(3000),  # 21 million documents take 0.3 GB, beside what a source needs
        runtime=growing(240),
    params:
        source=collection_source,
        relevant=relevant_grades,
        non_relevant=non_relevant_grades,
        seed=STUDY["seed"],
        version=VERSIONS["collections"],
    message:
        "Prepare the collection {wildcards.collection}"
    script:
        "../workflow_scripts/collections/prepare_collection.py"
