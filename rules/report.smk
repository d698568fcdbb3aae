# What a reader sees: tables, figures, a database; the report gathers them (snakemake --report).

COLLECTIONS = used_collections(STUDY)
ATTRIBUTED = attributed(STUDY)
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
        sql=[workflow.source_path("../workflow_scripts/report/write_tables.sql")],
    output:
        **SENSITIVITY_TABLE,
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
    message:
        "Write the tables"
    script:
        "../workflow_scripts/report/write_tables.py"


rule draw_figures:
    input:
        overlaps=rules.overlap_schemes.output.overlaps,
        schemes=rules.gather_schemes.output.schemes,
        ablation_effects=rules.test_ablations.output.ablation_effects,
        ranking_quality=rules.summarise_evaluations.output.ranking_quality,
        randomisation=rules.randomise_layers.output.randomisation,
        single_neurons=rules.ablate_single_neurons.output.single_neurons,
        single_neuron_correlations=rules.ablate_single_neurons.output.correlations,
        path_example=rules.trace_path.output.path_example,
        split_halves=rules.measure_stability.output.split_halves,
    output:
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
        ablation=ABLATION,
        scheme=figure4_scheme(STUDY)[0],
        top_percent=figure4_scheme(STUDY)[1],
        components=COMPONENTS,
    message:
        "Draw the figures"
    script:
        "../workflow_scripts/report/draw_figures.py"


rule build_database:
    input:
        documents=expand(rules.prepare_collection.output.documents, collection=COLLECTIONS),
        queries=expand(rules.prepare_collection.output.queries, collection=COLLECTIONS),
        qrels=expand(rules.prepare_collection.output.qrels, collection=COLLECTIONS),
        pairs=expand(rules.score_pairs.output.pairs, collection=STUDY["attribution"]["collections"]),
        neuron_scores=NEURON_SCORES,
        activations=rules.pool_activations.output.activations,
        attribution_checks=[
            f"<results>/attribution_checks/{collection}/{label}.parquet"
            for collection, label in ATTRIBUTED
        ],
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
            "attribution_checks": ATTRIBUTED,
            "candidates": ABLATED,
            "rerankings": ABLATED,
            "measures": ABLATED,
        },
        collections={name: STUDY["collections"][name] for name in COLLECTIONS},
        study=STUDY,
    message:
        "Gather all tables in one database"
    script:
        "../workflow_scripts/report/build_database.py"
