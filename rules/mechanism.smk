# How it ranks: which heads count terms, where inverse document frequency is, and a semantic BM25.

MECHANISM_RESULTS = []
MECHANISM_TABLES = {}

if MECHANISM:

    MECHANISM_READ = {
        name: report(
            multiext(f"<results>/tables/{name}", ".csv", ".md", ".tex"),
            caption=f"captions/mechanism_{name}_table.rst",
            category="Mechanism",
        )
        for name in ("heads", "semantic_bm25", "faithfulness", "idf", "patch_screen")
    }
    MECHANISM_FIGURES = {
        name: report(
            multiext(f"<results>/figures/{name}", ".svg", ".png"),
            caption=f"captions/mechanism_{name}_figure.rst",
            category="Mechanism",
        )
        for name in (
            *("head_patches", "block_patches", "head_class_patches", "path_patches"),
            *("soft_tf", "dose_scores", "idf_components", "idf_edits"),
            *("semantic_bm25", "head_overlaps"),
        )
    }

    rule count_words:
        input:
            documents=rules.prepare_collection.output.documents,
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/mechanism/count_words.sql"),
            ],
        output:
            word_counts="<results>/word_counts/{collection}.parquet",
        log:
            "<logs>/count_words/{collection}.log",
        benchmark:
            "<benchmarks>/count_words/{collection}.tsv"
        conda:
            "../envs/collections.yaml"
        resources:
            mem_mb=growing(10000),
            runtime=growing(60),
        params:
            version=VERSIONS["mechanism"],
        message:
            "Count the words of {wildcards.collection}"
        script:
            "../workflow_scripts/mechanism/count_words.py"

    rule make_diagnostic_pairs:
        input:
            unpack(own_pair_files),
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            qrels=rules.prepare_collection.output.qrels,
            word_counts=rules.count_words.output.word_counts,
            reranker=RERANKER_FILES,
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path(
                    "../workflow_scripts/relevance_neurons/mechanism/related_words.sql"
                ),
            ],
        output:
            diagnostic_pairs="<results>/diagnostic_pairs/{collection}.parquet",
        log:
            "<logs>/make_diagnostic_pairs/{collection}.log",
        benchmark:
            "<benchmarks>/make_diagnostic_pairs/{collection}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(60),
        params:
            reranker=RERANKER,
            settings=diagnostic_settings,
            language=language_of,
            seed=STUDY["seed"],
            version=VERSIONS["mechanism"],
        message:
            "Make diagnostic pairs of {wildcards.collection}"
        script:
            "../workflow_scripts/mechanism/make_diagnostic_pairs.py"

    rule gather_diagnostic_pairs:
        input:
            diagnostic_pairs=expand(
                rules.make_diagnostic_pairs.output.diagnostic_pairs,
                collection=MECHANISM_COLLECTIONS,
            ),
        output:
            diagnostic_pairs="<results>/diagnostic_pairs.parquet",
        log:
            "<logs>/gather_diagnostic_pairs.log",
        benchmark:
            "<benchmarks>/gather_diagnostic_pairs.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        message:
            "Gather the diagnostic pairs of all collections"
        script:
            "../workflow_scripts/mechanism/gather_diagnostic_pairs.py"

    rule patch_heads:
        input:
            diagnostic_pairs=rules.make_diagnostic_pairs.output.diagnostic_pairs,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            qrels=rules.prepare_collection.output.qrels,
            reranker=RERANKER_FILES,
        output:
            patch_effects=temp("<results>/shards/patch_effects/{collection}/{shard}.parquet"),
            diagnostic_scores=temp(
                "<results>/shards/diagnostic_scores/{collection}/{shard}.parquet"
            ),
            path_effects=temp("<results>/shards/path_effects/{collection}/{shard}.parquet"),
        log:
            "<logs>/patch_heads/{collection}/{shard}.log",
        benchmark:
            "<benchmarks>/patch_heads/{collection}/{shard}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.attribution_mb()),
            runtime=growing(MECHANISM_NEEDS.patch_minutes()),
        params:
            reranker=RERANKER,
            n_shards=patch_shards(STUDY),
            seed=STUDY["seed"],
            version=VERSIONS["mechanism"],
        message:
            "Patch heads on the diagnostic pairs of {wildcards.collection} (shard {wildcards.shard})"
        script:
            "../workflow_scripts/mechanism/patch_heads.py"

    rule gather_patches:
        input:
            patch_effects=patch_shard_files("patch_effects"),
            diagnostic_scores=patch_shard_files("diagnostic_scores"),
            path_effects=patch_shard_files("path_effects"),
            script=[workflow.source_path("../workflow_scripts/mechanism/patch_heads.py")],
        output:
            patch_effects="<results>/patch_effects/{collection}.parquet",
            diagnostic_scores="<results>/diagnostic_scores/{collection}.parquet",
            path_effects="<results>/path_effects/{collection}.parquet",
        log:
            "<logs>/gather_patches/{collection}.log",
        benchmark:
            "<benchmarks>/gather_patches/{collection}.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        message:
            "Gather the patches on the diagnostic pairs of {wildcards.collection}"
        script:
            "../workflow_scripts/mechanism/gather_patches.py"

    rule search_for_mechanism:
        input:
            unpack(first_stage),
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            qrels=rules.prepare_collection.output.qrels,
        output:
            run="<results>/mechanism_runs/{collection}.parquet",
        log:
            "<logs>/search_for_mechanism/{collection}.log",
        benchmark:
            "<benchmarks>/search_for_mechanism/{collection}.tsv"
        conda:
            "../envs/collections.yaml"
        resources:
            mem_mb=growing(10000),
            runtime=growing(60),
        params:
            bm25=bm25_settings,
            settings={
                "depth": MECHANISM["rankings"]["depth"],
                "max_queries": MECHANISM["rankings"]["queries"],
                "seed": STUDY["seed"],
            },
            version=VERSIONS["ablation"],
        message:
            "Find passages of {wildcards.collection} whose rankings are explained"
        script:
            "../workflow_scripts/reranker/search_collection.py"

    rule measure_heads:
        input:
            run=rules.search_for_mechanism.output.run,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            qrels=rules.prepare_collection.output.qrels,
            word_counts=rules.count_words.output.word_counts,
            reranker=RERANKER_FILES,
        output:
            query_attention="<results>/query_attention/{collection}.parquet",
            head_attention="<results>/head_attention/{collection}.parquet",
            mechanism_rankings="<results>/mechanism_rankings/{collection}.parquet",
        log:
            "<logs>/measure_heads/{collection}.log",
        benchmark:
            "<benchmarks>/measure_heads/{collection}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.attribution_mb()),
            runtime=growing(MECHANISM_NEEDS.attention_minutes()),
        params:
            reranker=RERANKER,
            settings=attention_settings,
            version=VERSIONS["mechanism"],
        message:
            "Measure what the heads attend to in rankings of {wildcards.collection}"
        script:
            "../workflow_scripts/mechanism/measure_heads.py"

    rule find_heads:
        input:
            head_attention=expand(
                rules.measure_heads.output.head_attention, collection=MECHANISM_COLLECTIONS
            ),
            patch_effects=expand(
                rules.gather_patches.output.patch_effects, collection=MECHANISM_COLLECTIONS
            ),
            path_effects=expand(
                rules.gather_patches.output.path_effects, collection=MECHANISM_COLLECTIONS
            ),
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/mechanism/find_heads.sql"),
                workflow.source_path("../workflow_scripts/mechanism/head_effects.sql"),
            ],
        output:
            heads="<results>/heads.parquet",
        log:
            "<logs>/find_heads.log",
        benchmark:
            "<benchmarks>/find_heads.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            settings=mechanism_settings(
                "matching_heads",
                "relevance_heads",
                "max_heads",
                "smallest_change",
                significance=STUDY["ablation"]["significance"],
                seed=STUDY["seed"],
            ),
            version=VERSIONS["mechanism_summaries"],
        message:
            "Find the heads that match words, and those that carry the query into the first token"
        script:
            "../workflow_scripts/mechanism/find_heads.py"

    rule patch_found_heads:
        input:
            diagnostic_pairs=rules.make_diagnostic_pairs.output.diagnostic_pairs,
            heads=rules.find_heads.output.heads,
            reranker=RERANKER_FILES,
        output:
            class_effects=temp("<results>/shards/class_effects/{collection}/{shard}.parquet"),
            receiver_effects=temp("<results>/shards/receiver_effects/{collection}/{shard}.parquet"),
        log:
            "<logs>/patch_found_heads/{collection}/{shard}.log",
        benchmark:
            "<benchmarks>/patch_found_heads/{collection}/{shard}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.attribution_mb()),
            runtime=growing(MECHANISM_NEEDS.found_minutes()),
        params:
            reranker=RERANKER,
            head_classes=MECHANISM["head_classes"],
            n_shards=patch_shards(STUDY),
            version=VERSIONS["mechanism"],
        message:
            "Patch found heads by token on the pairs of {wildcards.collection} (shard {wildcards.shard})"
        script:
            "../workflow_scripts/mechanism/patch_found_heads.py"

    rule gather_found_heads:
        input:
            class_effects=patch_shard_files("class_effects"),
            receiver_effects=patch_shard_files("receiver_effects"),
            script=[workflow.source_path("../workflow_scripts/mechanism/patch_found_heads.py")],
        output:
            class_effects="<results>/class_effects/{collection}.parquet",
            receiver_effects="<results>/receiver_effects/{collection}.parquet",
        log:
            "<logs>/gather_found_heads/{collection}.log",
        benchmark:
            "<benchmarks>/gather_found_heads/{collection}.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        message:
            "Gather the patches of found heads on the diagnostic pairs of {wildcards.collection}"
        script:
            "../workflow_scripts/mechanism/gather_patches.py"

    rule summarise_patches:
        input:
            patch_effects=expand(
                rules.gather_patches.output.patch_effects, collection=MECHANISM_COLLECTIONS
            ),
            diagnostic_scores=expand(
                rules.gather_patches.output.diagnostic_scores, collection=MECHANISM_COLLECTIONS
            ),
            path_effects=expand(
                rules.gather_patches.output.path_effects, collection=MECHANISM_COLLECTIONS
            ),
            class_effects=expand(
                rules.gather_found_heads.output.class_effects, collection=MECHANISM_COLLECTIONS
            ),
            receiver_effects=expand(
                rules.gather_found_heads.output.receiver_effects, collection=MECHANISM_COLLECTIONS
            ),
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/mechanism/patch_shares.sql"),
                workflow.source_path("../workflow_scripts/mechanism/patch_screen.sql"),
            ],
        output:
            patches="<results>/patches.parquet",
            path_patches="<results>/path_patches.parquet",
            patch_screen="<results>/patch_screen.parquet",
            dose_scores="<results>/dose_scores.parquet",
        log:
            "<logs>/summarise_patches.log",
        benchmark:
            "<benchmarks>/summarise_patches.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            smallest_change=MECHANISM["smallest_change"],
            seed=STUDY["seed"],
            version=VERSIONS["mechanism_summaries"],
        message:
            "Sum up the patches, and test which change the score"
        script:
            "../workflow_scripts/mechanism/summarise_patches.py"

    rule fit_soft_tf:
        input:
            query_attention=expand(
                rules.measure_heads.output.query_attention, collection=MECHANISM_COLLECTIONS
            ),
            heads=rules.find_heads.output.heads,
        output:
            soft_tf="<results>/soft_tf.parquet",
        log:
            "<logs>/fit_soft_tf.log",
        benchmark:
            "<benchmarks>/fit_soft_tf.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(8000),
            runtime=growing(MECHANISM_NEEDS.fit_minutes()),
        params:
            settings=mechanism_settings(collections=MECHANISM_COLLECTIONS, seed=STUDY["seed"]),
            version=VERSIONS["mechanism_summaries"],
        message:
            "Fit BM25's saturation to the attention of every head"
        script:
            "../workflow_scripts/mechanism/fit_soft_tf.py"

    rule correlate_idf:
        input:
            word_counts=rules.count_words.output.word_counts,
            reranker=RERANKER_FILES,
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/mechanism/correlate_idf.sql"),
            ],
        output:
            idf_components="<results>/idf_components/{collection}.parquet",
        log:
            "<logs>/correlate_idf/{collection}.log",
        benchmark:
            "<benchmarks>/correlate_idf/{collection}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(60),
        params:
            reranker=RERANKER,
            settings=idf_settings(
                "permutations", significance=STUDY["ablation"]["significance"], seed=STUDY["seed"]
            ),
            version=VERSIONS["mechanism"],
        message:
            "Compare the word embeddings with the inverse document frequencies of {wildcards.collection}"
        script:
            "../workflow_scripts/mechanism/correlate_idf.py"

    rule edit_idf:
        input:
            idf_components=rules.correlate_idf.output.idf_components,
            word_counts=rules.count_words.output.word_counts,
            mechanism_rankings=rules.measure_heads.output.mechanism_rankings,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            reranker=RERANKER_FILES,
        output:
            idf_edits="<results>/idf_edits/{collection}.parquet",
        log:
            "<logs>/edit_idf/{collection}.log",
        benchmark:
            "<benchmarks>/edit_idf/{collection}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(MECHANISM_NEEDS.edit_minutes()),
        params:
            reranker=RERANKER,
            settings=idf_settings("doses", "directions", "pairs", seed=STUDY["seed"]),
            version=VERSIONS["mechanism"],
        message:
            "Move terms of {wildcards.collection} along the component of IDF"
        script:
            "../workflow_scripts/mechanism/edit_idf.py"

    rule summarise_idf:
        input:
            idf_components=expand(
                rules.correlate_idf.output.idf_components, collection=MECHANISM_COLLECTIONS
            ),
            idf_edits=expand(rules.edit_idf.output.idf_edits, collection=MECHANISM_COLLECTIONS),
        output:
            idf_components="<results>/idf_components.parquet",
            idf_edits="<results>/idf_edits.parquet",
        log:
            "<logs>/summarise_idf.log",
        benchmark:
            "<benchmarks>/summarise_idf.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            version=VERSIONS["mechanism_summaries"],
        message:
            "Sum up where the inverse document frequency is, and what moving it does"
        script:
            "../workflow_scripts/mechanism/summarise_idf.py"

    rule fit_semantic_bm25:
        input:
            query_attention=expand(
                rules.measure_heads.output.query_attention, collection=MECHANISM_COLLECTIONS
            ),
            mechanism_rankings=expand(
                rules.measure_heads.output.mechanism_rankings, collection=MECHANISM_COLLECTIONS
            ),
            heads=rules.find_heads.output.heads,
            qrels=expand(rules.prepare_collection.output.qrels, collection=MECHANISM_COLLECTIONS),
            word_counts=expand(
                rules.count_words.output.word_counts, collection=MECHANISM_COLLECTIONS
            ),
        output:
            semantic_bm25="<results>/semantic_bm25.parquet",
        log:
            "<logs>/fit_semantic_bm25.log",
        benchmark:
            "<benchmarks>/fit_semantic_bm25.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            mem_mb=growing(8000),
            runtime=growing(MECHANISM_NEEDS.fit_minutes()),
        params:
            settings=mechanism_settings(
                "folds",
                "random_draws",
                collections=MECHANISM_COLLECTIONS,
                measure=STUDY["ablation"]["measure"],
                ambiguous=STUDY["ablation"]["ambiguous"],
                seed=STUDY["seed"],
            ),
            version=VERSIONS["mechanism_summaries"],
        message:
            "Fit the ranker's scores by soft term frequencies and IDF"
        script:
            "../workflow_scripts/mechanism/fit_semantic_bm25.py"

    rule test_faithfulness:
        input:
            heads=rules.find_heads.output.heads,
            diagnostic_pairs=rules.make_diagnostic_pairs.output.diagnostic_pairs,
            diagnostic_scores=rules.gather_patches.output.diagnostic_scores,
            mechanism_rankings=rules.measure_heads.output.mechanism_rankings,
            qrels=rules.prepare_collection.output.qrels,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            reranker=RERANKER_FILES,
        output:
            faithfulness="<results>/faithfulness/{collection}.parquet",
        log:
            "<logs>/test_faithfulness/{collection}.log",
        benchmark:
            "<benchmarks>/test_faithfulness/{collection}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(MECHANISM_NEEDS.faithfulness_minutes()),
        params:
            reranker=RERANKER,
            settings=mechanism_settings(
                "random_draws",
                "smallest_change",
                measure=STUDY["ablation"]["measure"],
                ambiguous=STUDY["ablation"]["ambiguous"],
                seed=STUDY["seed"],
            ),
            version=(VERSIONS["mechanism"], VERSIONS["ablation"]),
        message:
            "Rank {wildcards.collection} with the heads alone that were found"
        script:
            "../workflow_scripts/mechanism/test_faithfulness.py"

    rule summarise_faithfulness:
        input:
            faithfulness=expand(
                rules.test_faithfulness.output.faithfulness, collection=MECHANISM_COLLECTIONS
            ),
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/mechanism/summarise_faithfulness.sql"),
            ],
        output:
            faithfulness="<results>/faithfulness.parquet",
        log:
            "<logs>/summarise_faithfulness.log",
        benchmark:
            "<benchmarks>/summarise_faithfulness.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            version=VERSIONS["mechanism_summaries"],
        message:
            "Sum up what the heads that were found keep"
        script:
            "../workflow_scripts/mechanism/summarise_faithfulness.py"

    rule overlap_heads:
        input:
            head_neurons=HEAD_NEURONS,
            schemes=rules.gather_schemes.output.schemes,
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/mechanism/overlap_heads.sql"),
            ],
        output:
            head_overlaps="<results>/head_overlaps.parquet",
        log:
            "<logs>/overlap_heads.log",
        benchmark:
            "<benchmarks>/overlap_heads.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            version=VERSIONS["mechanism_summaries"],
        message:
            "Compare the schemes with the neurons of the heads"
        script:
            "../workflow_scripts/mechanism/overlap_heads.py"

    MECHANISM_TABLES = {
        "diagnostic_pairs": rules.gather_diagnostic_pairs.output.diagnostic_pairs,
        "diagnostic_scores": expand(
            rules.gather_patches.output.diagnostic_scores, collection=MECHANISM_COLLECTIONS
        ),
        **dict(rules.summarise_patches.output.items()),
        "heads": rules.find_heads.output.heads,
        "soft_tf": rules.fit_soft_tf.output.soft_tf,
        **dict(rules.summarise_idf.output.items()),
        "semantic_bm25": rules.fit_semantic_bm25.output.semantic_bm25,
        "faithfulness": rules.summarise_faithfulness.output.faithfulness,
        "head_overlaps": rules.overlap_heads.output.head_overlaps,
    }

    rule write_mechanism_tables:
        input:
            heads=MECHANISM_TABLES["heads"],
            semantic_bm25=MECHANISM_TABLES["semantic_bm25"],
            faithfulness=MECHANISM_TABLES["faithfulness"],
            idf_components=MECHANISM_TABLES["idf_components"],
            idf_edits=MECHANISM_TABLES["idf_edits"],
            patch_screen=MECHANISM_TABLES["patch_screen"],
        output:
            **MECHANISM_READ,
        log:
            "<logs>/write_mechanism_tables.log",
        benchmark:
            "<benchmarks>/write_mechanism_tables.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            settings={"collections": MECHANISM_COLLECTIONS},
        message:
            "Write the tables of the mechanism"
        script:
            "../workflow_scripts/report/write_mechanism_tables.py"

    rule draw_mechanism_figures:
        input:
            patches=MECHANISM_TABLES["patches"],
            path_patches=MECHANISM_TABLES["path_patches"],
            heads=MECHANISM_TABLES["heads"],
            soft_tf=MECHANISM_TABLES["soft_tf"],
            dose_scores=MECHANISM_TABLES["dose_scores"],
            idf_components=MECHANISM_TABLES["idf_components"],
            idf_edits=MECHANISM_TABLES["idf_edits"],
            semantic_bm25=MECHANISM_TABLES["semantic_bm25"],
            head_overlaps=MECHANISM_TABLES["head_overlaps"],
        output:
            **MECHANISM_FIGURES,
        log:
            "<logs>/draw_mechanism_figures.log",
        benchmark:
            "<benchmarks>/draw_mechanism_figures.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            settings={
                "collections": MECHANISM_COLLECTIONS,
                "perturbations": [
                    *MECHANISM["perturbations"],
                    *(["own"] if "own_pairs" in MECHANISM else []),
                ],
                "significance": STUDY["ablation"]["significance"],
                "bm25": {name: STUDY["ablation"]["bm25"][name] for name in ("k1", "b")},
            },
        message:
            "Draw the figures of the mechanism"
        script:
            "../workflow_scripts/report/draw_mechanism_figures.py"

    MECHANISM_RESULTS += [
        *rules.gather_diagnostic_pairs.output,
        *rules.summarise_patches.output,
        *rules.find_heads.output,
        *rules.fit_soft_tf.output,
        *rules.summarise_idf.output,
        *rules.fit_semantic_bm25.output,
        *rules.summarise_faithfulness.output,
        *HEAD_NEURONS,
        *rules.overlap_heads.output,
        *rules.write_mechanism_tables.output,
        *rules.draw_mechanism_figures.output,
    ]
