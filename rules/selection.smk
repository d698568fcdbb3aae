# From scores to sets of neurons, and what the sets share.

NEURON_SCORES = [
    f"<results>/neuron_scores/{collection}/{label}.parquet"
    for collection, label in attributed(STUDY)
]
SCHEMES = study_schemes(STUDY)


rule select_neurons:
    input:
        neuron_scores=NEURON_SCORES,
        sql=[
            workflow.source_path("../workflow_scripts/sql/macros.sql"),
            workflow.source_path("../workflow_scripts/sql/check_maps.sql"),
            workflow.source_path("../workflow_scripts/sql/define_schemes.sql"),
            workflow.source_path("../workflow_scripts/sql/check_schemes.sql"),
            workflow.source_path("../workflow_scripts/sql/select_neurons.sql"),
            workflow.source_path("../workflow_scripts/sql/scheme_sizes.sql"),
        ],
    output:
        schemes="<results>/schemes.parquet",
        scheme_sizes="<results>/scheme_sizes.parquet",
    log:
        "<logs>/select_neurons.log",
    benchmark:
        "<benchmarks>/select_neurons.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        domains=DOMAINS,
        definitions=[scheme.as_dict() for scheme in SCHEMES],
        top_percents=STUDY["selection"]["top_percents"],
    message:
        "Select the neurons of every scheme"
    script:
        "../workflow_scripts/select_neurons.py"


rule overlap_schemes:
    input:
        neuron_scores=NEURON_SCORES,
        sql=[
            workflow.source_path("../workflow_scripts/sql/macros.sql"),
            workflow.source_path("../workflow_scripts/sql/check_maps.sql"),
            workflow.source_path("../workflow_scripts/sql/overlap_schemes.sql"),
        ],
    output:
        overlaps="<results>/overlaps.parquet",
    log:
        "<logs>/overlap_schemes.log",
    benchmark:
        "<benchmarks>/overlap_schemes.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        domains=DOMAINS,
        outliers=STUDY["selection"]["outliers"],
        top_percents=STUDY["selection"]["top_percents"],
    message:
        "Compare what the schemes share"
    script:
        "../workflow_scripts/overlap_schemes.py"
