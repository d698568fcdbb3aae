# A collection from ir_datasets, from files or from docstrings becomes three tables, and an index.


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
        judgments=judgment_settings,
        seed=STUDY["seed"],
        version=VERSIONS["collections"],
    message:
        "Prepare the collection {wildcards.collection}"
    script:
        "../workflow_scripts/collections/prepare_collection.py"


# The index stays, twice as large as the text: were it made again for another depth of the evaluation,
# Snakemake would draw new candidates too, and rank them under every ablation.
rule index_collection:
    input:
        documents=rules.prepare_collection.output.documents,
    output:
        index=directory("<results>/indexes/{collection}"),
    log:
        "<logs>/index_collection/{collection}.log",
    benchmark:
        "<benchmarks>/index_collection/{collection}.tsv"
    conda:
        "../envs/collections.yaml"
    resources:
        mem_mb=growing(10000),  # MS MARCO takes 8 GB (docs/scaling.md)
        runtime=growing(240),
    params:
        bm25=bm25_settings,
        version=VERSIONS["collections"],
    message:
        "Index {wildcards.collection} for BM25"
    script:
        "../workflow_scripts/collections/index_collection.py"
