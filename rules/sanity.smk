# Do the scores depend on what the ranker learnt, and do they foretell what a neuron does?

SANITY = STUDY["sanity"]
SANITY_LABELS = labels_of(SANITY["collection"])
EXAMPLE_LABEL = "relevant" if "relevant" in SANITY_LABELS else SANITY_LABELS[0]
EXAMPLE_MAP = f"{SANITY['collection']}/{EXAMPLE_LABEL}.parquet"
# By a true change itself is no other checked.
TRIED_METHODS = [
    {
        "name": name,
        "settings": arguments(settings) | {"seed": STUDY["seed"]},
        "labels": [
            label
            for collection, label in maps_of(STUDY, name)
            if collection == SANITY["collection"]
        ],
        "passages": settings.get("passages"),
        "target": settings.get("target", STUDY["attribution"]["target"]),
    }
    for name in given_methods(STUDY)
    if (settings := method_settings(STUDY, name))["method"] != "single_ablation"
]
SANITY_SETTINGS = attribution_settings() | {"bootstrap_replicates": 0, "split_halves": 0}
SANITY_TEXTS = {
    name: expand(files, collection=SANITY["collection"])[0]
    for name, files in (
        ("documents", rules.prepare_collection.output.documents),
        ("queries", rules.prepare_collection.output.queries),
        ("qrels", rules.prepare_collection.output.qrels),
        ("pairs", rules.score_pairs.output.pairs),
    )
}
TRIED_POOL = [
    f"<results>/candidates/{SANITY['collection']}.parquet"
    for one in TRIED_METHODS
    if one["passages"] == "pool"
][:1]


rule randomise_layers:
    input:
        documents=SANITY_TEXTS["documents"],
        queries=SANITY_TEXTS["queries"],
        pairs=SANITY_TEXTS["pairs"],
        reranker=RERANKER_FILES,
    output:
        randomisation="<results>/randomisation.parquet",
    log:
        "<logs>/randomise_layers.log",
    benchmark:
        "<benchmarks>/randomise_layers.tsv"
    conda:
        "../envs/attribution.yaml"
    resources:
        gpu=1,
        mem_mb=growing(NEEDS.attribution_mb()),
        runtime=growing(NEEDS.randomisation_minutes()),
    params:
        reranker=RERANKER,
        settings=SANITY_SETTINGS,
        of={
            "labels": SANITY_LABELS,
            "n_pairs": SANITY["pairs"],
        },
        version=VERSIONS["attribution"],
    message:
        "Attribute with random weights, from the head down"
    script:
        "../workflow_scripts/sanity/randomise_layers.py"


rule ablate_single_neurons:
    input:
        documents=SANITY_TEXTS["documents"],
        queries=SANITY_TEXTS["queries"],
        pairs=SANITY_TEXTS["pairs"],
        qrels=SANITY_TEXTS["qrels"],
        candidates=TRIED_POOL,
        activations=rules.pool_activations.output.activations,
        reranker=RERANKER_FILES,
    output:
        single_neurons="<results>/single_neurons.parquet",
        correlations="<results>/single_neuron_correlations.parquet",
    log:
        "<logs>/ablate_single_neurons.log",
    benchmark:
        "<benchmarks>/ablate_single_neurons.tsv"
    conda:
        "../envs/attribution.yaml"
    resources:
        gpu=1,
        mem_mb=growing(NEEDS.ranker_mb()),
        runtime=growing(NEEDS.single_minutes()),
    params:
        # One neuron changes F by less than bfloat16 tells apart.
        reranker=RERANKER | ({"dtype": "float32"} if RERANKER["dtype"] != "float64" else {}),
        methods=TRIED_METHODS,
        of={
            "collection": SANITY["collection"],
            "n_pairs": SANITY["pairs"],
            "n_neurons": SANITY["neurons"],
            "n_strong": SANITY["strong"],
            "seed": STUDY["seed"],
        },
        version=(VERSIONS["attribution"], VERSIONS["ablation"], VERSIONS["sanity"]),
    message:
        "Switch single neurons off"
    script:
        "../workflow_scripts/sanity/ablate_single_neurons.py"


rule trace_path:
    input:
        documents=SANITY_TEXTS["documents"],
        queries=SANITY_TEXTS["queries"],
        checks=f"<results>/attribution_checks/{EXAMPLE_MAP}",
        scores=f"<results>/neuron_scores/{EXAMPLE_MAP}",
        reranker=RERANKER_FILES,
    output:
        path_example="<results>/path_example.parquet",
    log:
        "<logs>/trace_path.log",
    benchmark:
        "<benchmarks>/trace_path.tsv"
    conda:
        "../envs/attribution.yaml"
    resources:
        gpu=1,
        mem_mb=growing(NEEDS.attribution_mb()),
        runtime=growing(NEEDS.path_minutes(1, MOST_POINTS)),
    params:
        reranker=RERANKER,
        settings=SANITY_SETTINGS,
        of={
            "collection": SANITY["collection"],
            "label": EXAMPLE_LABEL,
            "example": STUDY.get("example"),
        },
        version=VERSIONS["attribution"],
    message:
        "Follow one pair along its path"
    script:
        "../workflow_scripts/sanity/trace_path.py"
