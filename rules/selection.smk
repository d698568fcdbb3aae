# From scores to sets of neurons, and what the sets share.

NEURON_SCORES = [
    f"<results>/neuron_scores/{collection}/{label}.parquet"
    for collection, label in attributed(STUDY)
]
SCHEMES = study_schemes(STUDY)


wildcard_constraints:
    group="|".join(GROUPS),
    top_percent="|".join(map(re.escape, {*LEVELS, WHOLE_RANKER.level})),


rule select_neurons:
    input:
        neuron_scores=NEURON_SCORES,
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/selection/check_maps.sql"),
            workflow.source_path("../workflow_scripts/selection/define_schemes.sql"),
            workflow.source_path("../workflow_scripts/selection/check_schemes.sql"),
            workflow.source_path("../workflow_scripts/selection/select_neurons.sql"),
            workflow.source_path("../workflow_scripts/selection/scheme_sizes.sql"),
        ],
    output:
        schemes="<results>/selections/{group}/{top_percent}.parquet",
        scheme_sizes="<results>/selection_sizes/{group}/{top_percent}.parquet",
    log:
        "<logs>/select_neurons/{group}/{top_percent}.log",
    benchmark:
        "<benchmarks>/select_neurons/{group}/{top_percent}.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(NEEDS.maps_mb()),
        runtime=growing(LIGHT_MINUTES),
    params:
        domains=DOMAINS,
        definitions=group_definitions,
    message:
        "Select the neurons of the schemes {wildcards.group} at {wildcards.top_percent} %"
    script:
        "../workflow_scripts/selection/select_neurons.py"


rule gather_schemes:
    input:
        schemes=expand(rules.select_neurons.output.schemes, group=GROUPS, top_percent=LEVELS),
        scheme_sizes=expand(
            rules.select_neurons.output.scheme_sizes, group=GROUPS, top_percent=LEVELS
        ),
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/selection/gather_schemes.sql"),
            workflow.source_path("../workflow_scripts/selection/gather_sizes.sql"),
        ],
    output:
        schemes="<results>/schemes.parquet",
        scheme_sizes="<results>/scheme_sizes.parquet",
    log:
        "<logs>/gather_schemes.log",
    benchmark:
        "<benchmarks>/gather_schemes.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(LIGHT_MINUTES),
    params:
        collections=list(DOMAINS),
    message:
        "Gather the neurons of all schemes"
    script:
        "../workflow_scripts/selection/gather_schemes.py"


rule overlap_schemes:
    input:
        neuron_scores=NEURON_SCORES,
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/selection/check_maps.sql"),
            workflow.source_path("../workflow_scripts/selection/overlap_schemes.sql"),
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
        mem_mb=growing(NEEDS.maps_mb()),
        runtime=growing(LIGHT_MINUTES),
    params:
        domains=DOMAINS,
        outliers=STUDY["selection"]["outliers"],
        top_percents=STUDY["selection"]["top_percents"],
    message:
        "Compare what the schemes share"
    script:
        "../workflow_scripts/selection/overlap_schemes.py"
