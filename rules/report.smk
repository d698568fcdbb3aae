# What a reader sees: tables, figures, a database; the report gathers them (snakemake --report).

COLLECTIONS = used_collections(STUDY)
# The explorer's queries, styles and scripts: an edit of one makes the page again.
EXPLORER_FILES = sorted(
    path.name
    for path in (SCRIPTS / "relevance_neurons" / "report" / "explorer").iterdir()
    if path.suffix in (".sql", ".html", ".css", ".js")
)
ABLATED = STUDY["ablation"]["collections"]
ABLATION = {
    key: STUDY["ablation"][key]
    for key in ("measure", "value", "equivalence_margin", "significance")
} | {"schemes": ablated_schemes(STUDY)}

SENSITIVITY_TABLE = {
    "sensitivity": report(
        multiext("<results>/tables/sensitivity", ".csv", ".md", ".tex"),
        caption="captions/sensitivity.rst",
        category="Tables",
    )
    for _ in SENSITIVITY
}


# What compares methods, curves or several collections stands where the study has them.
METHOD_NAMES = list(given_methods(STUDY))
OF_ONE_COLLECTION = {
    one.collections
    for one in SCHEMES
    if one.scheme in ABLATION["schemes"] and one.collections and not one.is_joint
}
OWN_KIND_FILES = [
    f"<results>/neuron_tokens/{one.path}.parquet" for one in KIND_MAPS if not one.at_method
]
FURTHER_TABLES = {
    name: report(
        multiext(f"<results>/tables/{name}", ".csv", ".md", ".tex"),
        caption=f"captions/{name}.rst",
        category="Tables",
    )
    for name, is_there in (
        ("methods", len(METHOD_NAMES) > 1),
        ("method_checks", len(METHOD_NAMES) > 1),
        ("pooled", POOLED),
        ("levels", True),
    )
    if is_there
}
FURTHER_FIGURES = {
    name: report(
        multiext(f"<results>/figures/{name}", ".svg", ".png"),
        caption=f"captions/{caption}.rst",
        category="Figures",
    )
    for name, caption, is_there in (
        ("method_effects", "method_effects_figure", len(METHOD_NAMES) > 1),
        ("loss_curves", "loss_curves", CURVES),
        ("levels", "levels_figure", True),
        ("transfer", "transfer", len(OF_ONE_COLLECTION) > 1),
        ("neuron_tokens", "neuron_tokens", OWN_KIND_FILES),
    )
    if is_there
}


rule compare_methods:
    input:
        ablation_effects=rules.test_ablations.output.ablation_effects,
        level_changes=rules.measure_levels.output.level_changes,
        single_neuron_correlations=rules.ablate_single_neurons.output.correlations,
        split_halves=rules.measure_stability.output.split_halves,
        overlaps=rules.overlap_schemes.output.overlaps,
        attribution_checks=[f"<results>/attribution_checks/{one.path}.parquet" for one in MAPS],
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/report/compare_methods.sql"),
        ],
    output:
        methods="<results>/methods.parquet",
    log:
        "<logs>/compare_methods.log",
    benchmark:
        "<benchmarks>/compare_methods.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(LIGHT_MINUTES),
    params:
        methods=METHOD_NAMES,
        scheme_methods={one.scheme: " & ".join(one.methods) for one in SCHEMES if one.methods},
    message:
        "Put the methods side by side"
    script:
        "../workflow_scripts/report/compare_methods.py"


rule write_tables:
    input:
        documents=expand(rules.prepare_collection.output.documents, collection=COLLECTIONS),
        queries=expand(rules.prepare_collection.output.queries, collection=COLLECTIONS),
        qrels=expand(rules.prepare_collection.output.qrels, collection=COLLECTIONS),
        pairs=expand(rules.score_pairs.output.pairs, collection=STUDY["attribution"]["collections"]),
        baselines=rules.compare_baselines.output.baselines,
        scheme_sizes=rules.gather_schemes.output.scheme_sizes,
        ablation_effects=rules.test_ablations.output.ablation_effects,
        match_quality=MATCHES,
        ranking_quality=rules.summarise_evaluations.output.ranking_quality,
        randomisation=rules.randomise_layers.output.randomisation,
        single_neuron_correlations=rules.ablate_single_neurons.output.correlations,
        selection_frequencies=rules.measure_stability.output.selection_frequencies,
        split_halves=rules.measure_stability.output.split_halves,
        convergence=CONVERGENCE,
        sensitivity=SENSITIVITY,
        methods=rules.compare_methods.output.methods,
        schemes=rules.gather_schemes.output.schemes,
        activations=rules.pool_activations.output.activations,
        pooled_effects=POOLED,
        level_changes=rules.measure_levels.output.level_changes,
        level_controls=rules.measure_levels.output.level_controls,
        sql=[workflow.source_path("../workflow_scripts/report/write_tables.sql")],
    output:
        **SENSITIVITY_TABLE,
        **FURTHER_TABLES,
        collections="<results>/collections.parquet",
        table1=report(
            multiext("<results>/tables/table1", ".csv", ".md", ".tex"),
            caption="captions/table1.rst",
            category="Tables",
        ),
        table2=report(
            multiext("<results>/tables/table2", ".csv", ".md", ".tex"),
            caption="captions/table2.rst",
            category="Tables",
        ),
        table3=report(
            multiext("<results>/tables/table3", ".csv", ".md", ".tex"),
            caption="captions/table3.rst",
            category="Tables",
        ),
        table4=report(
            multiext("<results>/tables/table4", ".csv", ".md", ".tex"),
            caption="captions/table4.rst",
            category="Tables",
        ),
        controls=report(
            multiext("<results>/tables/controls", ".csv", ".md", ".tex"),
            caption="captions/controls.rst",
            category="Tables",
        ),
        ranking_quality=report(
            multiext("<results>/tables/ranking_quality", ".csv", ".md", ".tex"),
            caption="captions/ranking_quality.rst",
            category="Tables",
        ),
        stability=report(
            multiext("<results>/tables/stability", ".csv", ".md", ".tex"),
            caption="captions/stability_table.rst",
            category="Tables",
        ),
        randomisation=report(
            multiext("<results>/tables/randomisation", ".csv", ".md", ".tex"),
            caption="captions/randomisation.rst",
            category="Tables",
        ),
        single_neurons=report(
            multiext("<results>/tables/single_neurons", ".csv", ".md", ".tex"),
            caption="captions/single_neurons.rst",
            category="Tables",
        ),
        effects=report(
            "<results>/tables/effects.csv",
            caption="captions/effects_table.rst",
            category="Tables",
        ),
    log:
        "<logs>/write_tables.log",
    benchmark:
        "<benchmarks>/write_tables.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(LIGHT_MINUTES),
    params:
        collections={name: STUDY["collections"][name] for name in COLLECTIONS},
        attributed=STUDY["attribution"]["collections"],
        schemes=[scheme.as_dict() for scheme in SCHEMES],
        ablation=ABLATION,
        methods=METHOD_NAMES,
    message:
        "Write the tables"
    script:
        "../workflow_scripts/report/write_tables.py"


rule draw_figures:
    input:
        **dict(zip(("loss_curves", "curve_areas"), CURVE_TABLES)),
        neuron_tokens=OWN_KIND_FILES,
        overlaps=rules.overlap_schemes.output.overlaps,
        schemes=rules.gather_schemes.output.schemes,
        ablation_effects=rules.test_ablations.output.ablation_effects,
        ranking_quality=rules.summarise_evaluations.output.ranking_quality,
        randomisation=rules.randomise_layers.output.randomisation,
        single_neurons=rules.ablate_single_neurons.output.single_neurons,
        single_neuron_correlations=rules.ablate_single_neurons.output.correlations,
        path_example=rules.trace_path.output.path_example,
        split_halves=rules.measure_stability.output.split_halves,
        pooled_effects=POOLED,
        level_changes=rules.measure_levels.output.level_changes,
    output:
        **FURTHER_FIGURES,
        figure1=report(
            multiext("<results>/figures/figure1", ".svg", ".png"),
            caption="captions/figure1.rst",
            category="Figures",
        ),
        figure2=report(
            multiext("<results>/figures/figure2", ".svg", ".png"),
            caption="captions/figure2.rst",
            category="Figures",
        ),
        figure3=report(
            multiext("<results>/figures/figure3", ".svg", ".png"),
            caption="captions/figure3.rst",
            category="Figures",
        ),
        figure4=report(
            multiext("<results>/figures/figure4", ".svg", ".png"),
            caption="captions/figure4.rst",
            category="Figures",
        ),
        effects=report(
            multiext("<results>/figures/effects", ".svg", ".png"),
            caption="captions/effects_figure.rst",
            category="Figures",
        ),
        controls=report(
            multiext("<results>/figures/controls", ".svg", ".png"),
            caption="captions/controls_figure.rst",
            category="Figures",
        ),
        sanity=report(
            multiext("<results>/figures/sanity", ".svg", ".png"),
            caption="captions/sanity_figure.rst",
            category="Figures",
        ),
        quality=report(
            multiext("<results>/figures/quality", ".svg", ".png"),
            caption="captions/quality_figure.rst",
            category="Figures",
        ),
        stability=report(
            multiext("<results>/figures/stability", ".svg", ".png"),
            caption="captions/stability_figure.rst",
            category="Figures",
        ),
    log:
        "<logs>/draw_figures.log",
    benchmark:
        "<benchmarks>/draw_figures.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(LIGHT_MINUTES),
    params:
        in_domain=[name for name in COLLECTIONS if STUDY["collections"][name]["domain"] == "in"],
        outliers=STUDY["selection"]["outliers"],
        ablation=ABLATION | ({"heads": list(HEAD_GROUPS)} if HEAD_GROUPS else {}),
        scheme=figure4_scheme(STUDY)[0],
        top_percent=figure4_scheme(STUDY)[1],
        components=COMPONENTS,
        methods=METHOD_NAMES,
        attributed=STUDY["attribution"]["collections"],
    message:
        "Draw the figures"
    script:
        "../workflow_scripts/report/draw_figures.py"


rule build_database:
    input:
        **dict(zip(("loss_curves", "curve_areas"), CURVE_TABLES)),
        **TOKEN_TABLES,
        **MECHANISM_TABLES,
        head_neurons=HEAD_NEURONS,
        documents=expand(rules.prepare_collection.output.documents, collection=COLLECTIONS),
        queries=expand(rules.prepare_collection.output.queries, collection=COLLECTIONS),
        qrels=expand(rules.prepare_collection.output.qrels, collection=COLLECTIONS),
        pairs=expand(rules.score_pairs.output.pairs, collection=STUDY["attribution"]["collections"]),
        neuron_scores=NEURON_SCORES,
        activations=rules.pool_activations.output.activations,
        attribution_checks=[f"<results>/attribution_checks/{one.path}.parquet" for one in MAPS],
        baselines=rules.compare_baselines.output.baselines,
        schemes=rules.gather_schemes.output.schemes,
        scheme_sizes=rules.gather_schemes.output.scheme_sizes,
        overlaps=rules.overlap_schemes.output.overlaps,
        selection_frequencies=rules.measure_stability.output.selection_frequencies,
        split_halves=rules.measure_stability.output.split_halves,
        convergence=CONVERGENCE,
        sensitivity=SENSITIVITY,
        candidates=expand(rules.draw_candidates.output.candidates, collection=ABLATED),
        rerankings=expand(rules.measure_rankings.output.rerankings, collection=ABLATED),
        measures=expand(rules.measure_rankings.output.measures, collection=ABLATED),
        match_quality=MATCHES,
        ablation_effects=rules.test_ablations.output.ablation_effects,
        pooled_effects=POOLED,
        level_changes=rules.measure_levels.output.level_changes,
        level_controls=rules.measure_levels.output.level_controls,
        methods=rules.compare_methods.output.methods,
        ranking_quality=rules.summarise_evaluations.output.ranking_quality,
        randomisation=rules.randomise_layers.output.randomisation,
        single_neurons=rules.ablate_single_neurons.output.single_neurons,
        single_neuron_correlations=rules.ablate_single_neurons.output.correlations,
        path_example=rules.trace_path.output.path_example,
        sql=[
            workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
            workflow.source_path("../workflow_scripts/report/database_tables.sql"),
            workflow.source_path("../workflow_scripts/report/database_macros.sql"),
            workflow.source_path("../workflow_scripts/report/database_comments.sql"),
            workflow.source_path("../workflow_scripts/report/database_columns.sql"),
        ],
    output:
        database="<results>/neurons.duckdb",
    log:
        "<logs>/build_database.log",
    benchmark:
        "<benchmarks>/build_database.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(4000),  # 42 million rankings took 1.1 GB (docs/scaling.md)
        runtime=growing(3 * LIGHT_MINUTES),
    params:
        file_keys={
            "documents": COLLECTIONS,
            "queries": COLLECTIONS,
            "qrels": COLLECTIONS,
            "pairs": STUDY["attribution"]["collections"],
            "candidates": ABLATED,
            "rerankings": ABLATED,
            "measures": ABLATED,
            **{name: TOKEN_COLLECTIONS for name in ("token_pairs", "token_rankings")},
        },
        collections={name: STUDY["collections"][name] for name in COLLECTIONS},
        study=STUDY,
    message:
        "Gather all tables in one database"
    script:
        "../workflow_scripts/report/build_database.py"


rule build_explorer:
    input:
        database=rules.build_database.output.database,
        page_files=[
            workflow.source_path(f"../workflow_scripts/relevance_neurons/report/explorer/{name}")
            for name in EXPLORER_FILES
        ],
    output:
        # Shown in the report's first page (captions/workflow.rst) from beside it, not as a result in
        # it: Chromium opens no data URI of more than 2 MB, which is how a report holds its pages.
        explorer="<results>/explorer.html",
    log:
        "<logs>/build_explorer.log",
    benchmark:
        "<benchmarks>/build_explorer.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(LIGHT_MINUTES),
    message:
        "Write the page to explore the results"
    script:
        "../workflow_scripts/report/build_explorer.py"
