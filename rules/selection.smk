# From scores to sets of neurons, and what the sets share.

NEURON_SCORES = [f"{RESULTS}/neuron_scores/{one.path}.parquet" for one in MAPS]
SELECTIONS = [f"{group}/{level}" for group, level in selections(STUDY)]
SCHEMES = study_schemes(STUDY)
HEAD_SELECTIONS = [
    f"<results>/selections/{group}/{level}.parquet"
    for group, level in selections(STUDY)
    if group in HEAD_GROUPS
]
# Of all that is ablated, at the levels of loss curves too.
SIZES = list(
    dict.fromkeys(
        f"<results>/selection_sizes/{group}/{batch.level}.parquet"
        for batch in BATCHES.values()
        for group in batch.groups
    )
)
# Of schemes of heads, and of the stage mechanism, which finds heads.
HEAD_NEURONS = ["<results>/head_neurons.parquet"] if HEAD_GROUPS or "mechanism" in STUDY else []


wildcard_constraints:
    group="|".join(map(re.escape, GROUPS)),
    top_percent="|".join(map(re.escape, {*LEVELS, *CURVE_LEVELS, WHOLE_RANKER.level})),


rule select_neurons:
    input:
        neuron_scores=group_maps,
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/selection/check_maps.sql"),
            workflow.source_path(
                "../workflow_scripts/relevance_neurons/selection/define_schemes.sql"
            ),
            workflow.source_path("../workflow_scripts/selection/check_schemes.sql"),
            workflow.source_path(
                "../workflow_scripts/relevance_neurons/selection/select_neurons.sql"
            ),
            workflow.source_path("../workflow_scripts/selection/scheme_sizes.sql"),
        ],
    output:
        schemes="<results>/selections/{group}/{top_percent}.parquet",
        scheme_sizes="<results>/selection_sizes/{group}/{top_percent}.parquet",
    log:
        "<logs>/select_neurons/{group}/{top_percent}.log",
    benchmark:
        "<benchmarks>/select_neurons/{group}/{top_percent}.tsv"
    wildcard_constraints:
        group="|".join(re.escape(one) for one in GROUPS if one not in HEAD_GROUPS),
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


if HEAD_NEURONS:

    rule locate_heads:
        input:
            **({"heads": "<results>/heads.parquet"} if "mechanism" in STUDY else {}),
            reranker=RERANKER_FILES,
        output:
            head_neurons=HEAD_NEURONS[0],
        log:
            "<logs>/locate_heads.log",
        benchmark:
            "<benchmarks>/locate_heads.tsv"
        conda:
            "../envs/ranking.yaml"
        resources:
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(LIGHT_MINUTES),
        params:
            reranker=RERANKER,
        message:
            "Find which neurons are which head's"
        script:
            "../workflow_scripts/mechanism/locate_heads.py"


if HEAD_GROUPS:

    rule select_heads:
        input:
            head_neurons=rules.locate_heads.output.head_neurons,
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/selection/check_heads.sql"),
                workflow.source_path("../workflow_scripts/selection/select_heads.sql"),
            ],
        output:
            schemes="<results>/selections/{group}/{top_percent}.parquet",
            scheme_sizes="<results>/selection_sizes/{group}/{top_percent}.parquet",
        log:
            "<logs>/select_heads/{group}/{top_percent}.log",
        benchmark:
            "<benchmarks>/select_heads/{group}/{top_percent}.tsv"
        wildcard_constraints:
            group="|".join(map(re.escape, HEAD_GROUPS)),
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(LIGHT_MINUTES),
        params:
            heads=group_heads,
        message:
            "Select the value neurons of the heads of {wildcards.group}"
        script:
            "../workflow_scripts/selection/select_heads.py"


rule gather_schemes:
    input:
        schemes=[f"<results>/selections/{one}.parquet" for one in SELECTIONS],
        scheme_sizes=[f"<results>/selection_sizes/{one}.parquet" for one in SELECTIONS],
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
        methods=list(given_methods(STUDY)),
        outliers=STUDY["selection"]["outliers"],
        top_percents=STUDY["selection"]["top_percents"],
    message:
        "Compare what the schemes share"
    script:
        "../workflow_scripts/selection/overlap_schemes.py"
