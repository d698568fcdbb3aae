# Which tokens of a pair decide: several methods side by side, and what they say about ranking.

TOKEN_RESULTS = []
TOKEN_TABLES = {}

if TOKENS:
    TOKEN_LAYER = TOKENS.get("layer")
    TOKEN_STATISTICS = [
        f"<results>/token_statistics/{name}.parquet"
        for name in TOKEN_COLLECTIONS
        if any(method["method"] == "information_bottleneck" for method in TOKEN_METHODS.values())
    ]
    TOKEN_SUMMARY = {
        "collections": TOKEN_COLLECTIONS,
        "methods": {name: keys["method"] for name, keys in TOKEN_METHODS.items()},
        "legacy": [name for name, keys in TOKEN_METHODS.items() if keys.get("legacy")],
        "layer": TOKEN_LAYER,
        "important": TOKENS["important"],
        "significance": STUDY["ablation"]["significance"],
        "seed": STUDY["seed"],
    }

    wildcard_constraints:
        token_method="|".join(TOKEN_METHODS),

    rule choose_token_pairs:
        input:
            pairs=rules.score_pairs.output.pairs,
        output:
            token_pairs="<results>/token_pairs/{collection}.parquet",
        log:
            "<logs>/choose_token_pairs/{collection}.log",
        benchmark:
            "<benchmarks>/choose_token_pairs/{collection}.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(LIGHT_MINUTES),
        params:
            n_scored=TOKENS["pairs"],
            n_statistics=TOKENS["statistics"]["pairs"],
        message:
            "Choose the pairs of {wildcards.collection} whose tokens are scored"
        script:
            "../workflow_scripts/tokens/choose_token_pairs.py"

    rule measure_token_statistics:
        input:
            token_pairs=rules.choose_token_pairs.output.token_pairs,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            reranker=RERANKER_FILES,
        output:
            token_statistics="<results>/token_statistics/{collection}.parquet",
        log:
            "<logs>/measure_token_statistics/{collection}.log",
        benchmark:
            "<benchmarks>/measure_token_statistics/{collection}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(TOKEN_NEEDS.statistics_minutes()),
        params:
            reranker=RERANKER,
            settings=TOKENS["statistics"] | {"layers": None},
            version=VERSIONS["tokens"],
        message:
            "Measure what the layers put out over the tokens of {wildcards.collection}"
        script:
            "../workflow_scripts/tokens/measure_token_statistics.py"

    rule attribute_tokens:
        input:
            unpack(token_statistics),
            pairs=rules.choose_token_pairs.output.token_pairs,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            reranker=RERANKER_FILES,
        output:
            scores=temp("<results>/shards/token_scores/{collection}/{token_method}/{shard}.parquet"),
            checks=temp("<results>/shards/token_checks/{collection}/{token_method}/{shard}.parquet"),
        log:
            "<logs>/attribute_tokens/{collection}/{token_method}/{shard}.log",
        benchmark:
            "<benchmarks>/attribute_tokens/{collection}/{token_method}/{shard}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.attribution_mb()),
            runtime=token_shard_runtime,
        params:
            reranker=RERANKER,
            method=token_method_name,
            settings=token_method,
            at={"layers": TOKENS["layers"], "layer": TOKEN_LAYER},
            n_shards=n_token_shards,
            seed=STUDY["seed"],
            version=VERSIONS["tokens"],
        message:
            "Score the tokens of {wildcards.collection} by {wildcards.token_method} (shard {wildcards.shard})"
        script:
            "../workflow_scripts/tokens/attribute_tokens.py"

    rule gather_token_scores:
        input:
            scores=token_shard_files("token_scores"),
            checks=token_shard_files("token_checks"),
            script=[workflow.source_path("../workflow_scripts/tokens/attribute_tokens.py")],
        output:
            scores=directory("<results>/token_scores/{collection}/{token_method}"),
            checks="<results>/token_checks/{collection}/{token_method}.parquet",
        log:
            "<logs>/gather_token_scores/{collection}/{token_method}.log",
        benchmark:
            "<benchmarks>/gather_token_scores/{collection}/{token_method}.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        message:
            "Gather the token scores of {wildcards.collection} by {wildcards.token_method}"
        script:
            "../workflow_scripts/tokens/gather_token_scores.py"

    rule degrade_tokens:
        input:
            scores=rules.gather_token_scores.output.scores,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            reranker=RERANKER_FILES,
        output:
            degradation="<results>/token_degradation/{collection}/{token_method}.parquet",
        log:
            "<logs>/degrade_tokens/{collection}/{token_method}.log",
        benchmark:
            "<benchmarks>/degrade_tokens/{collection}/{token_method}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(TOKEN_NEEDS.degradation_minutes()),
        params:
            reranker=RERANKER,
            settings=TOKENS["degradation"],
            version=VERSIONS["tokens"],
        message:
            "Remove tokens of {wildcards.collection} in the order of {wildcards.token_method}"
        script:
            "../workflow_scripts/tokens/degrade_tokens.py"

    rule search_passages:
        input:
            unpack(first_stage),
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            qrels=rules.prepare_collection.output.qrels,
        output:
            run="<results>/token_runs/{collection}.parquet",
        log:
            "<logs>/search_passages/{collection}.log",
        benchmark:
            "<benchmarks>/search_passages/{collection}.tsv"
        conda:
            "../envs/collections.yaml"
        resources:
            mem_mb=growing(10000),
            runtime=growing(60),
        params:
            bm25=bm25_settings,
            settings={
                "depth": TOKENS["rankings"]["depth"],
                "max_queries": TOKENS["rankings"]["queries"],
                "seed": STUDY["seed"],
            },
            version=VERSIONS["ablation"],
        message:
            "Find passages of {wildcards.collection} whose tokens are looked at"
        script:
            "../workflow_scripts/reranker/search_collection.py"

    rule rank_passages:
        input:
            run=rules.search_passages.output.run,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            qrels=rules.prepare_collection.output.qrels,
            reranker=RERANKER_FILES,
        output:
            token_rankings="<results>/token_rankings/{collection}.parquet",
            ranked_tokens="<results>/ranked_tokens/{collection}.parquet",
        log:
            "<logs>/rank_passages/{collection}.log",
        benchmark:
            "<benchmarks>/rank_passages/{collection}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(TOKEN_NEEDS.rankings_minutes()),
        params:
            reranker=RERANKER,
            n_scored=TOKENS["rankings"]["passages"],
            version=(VERSIONS["tokens"], VERSIONS["ablation"]),
        message:
            "Rank passages of {wildcards.collection}"
        script:
            "../workflow_scripts/tokens/rank_passages.py"

    rule attribute_ranked_tokens:
        input:
            unpack(token_statistics),
            pairs=rules.rank_passages.output.token_rankings,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            reranker=RERANKER_FILES,
        output:
            scores=temp("<results>/shards/ranked_token_scores/{collection}/{shard}.parquet"),
        log:
            "<logs>/attribute_ranked_tokens/{collection}/{shard}.log",
        benchmark:
            "<benchmarks>/attribute_ranked_tokens/{collection}/{shard}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.attribution_mb()),
            runtime=growing(TOKEN_NEEDS.ranked_minutes()),
        params:
            reranker=RERANKER,
            method=token_method_name,
            settings=token_method,
            at={"layers": [], "layer": TOKEN_LAYER},
            n_shards=ranked_token_shards(STUDY),
            seed=STUDY["seed"],
            version=VERSIONS["tokens"],
        message:
            "Score the tokens of the best passages of {wildcards.collection} (shard {wildcards.shard})"
        script:
            "../workflow_scripts/tokens/attribute_tokens.py"

    rule gather_ranked_tokens:
        input:
            scores=ranked_shard_files,
            script=[workflow.source_path("../workflow_scripts/tokens/attribute_tokens.py")],
        output:
            scores="<results>/ranked_token_scores/{collection}.parquet",
        log:
            "<logs>/gather_ranked_tokens/{collection}.log",
        benchmark:
            "<benchmarks>/gather_ranked_tokens/{collection}.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        message:
            "Gather the token scores of the best passages of {wildcards.collection}"
        script:
            "../workflow_scripts/tokens/gather_ranked_tokens.py"

    rule truncate_passages:
        input:
            token_rankings=rules.rank_passages.output.token_rankings,
            ranked_token_scores=rules.gather_ranked_tokens.output.scores,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            qrels=rules.prepare_collection.output.qrels,
            reranker=RERANKER_FILES,
        output:
            token_truncation="<results>/token_truncation/{collection}.parquet",
            truncated_rankings="<results>/truncated_rankings/{collection}.parquet",
        log:
            "<logs>/truncate_passages/{collection}.log",
        benchmark:
            "<benchmarks>/truncate_passages/{collection}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(TOKEN_NEEDS.truncation_minutes()),
        params:
            reranker=RERANKER,
            version=(VERSIONS["tokens"], VERSIONS["ablation"]),
        message:
            "Cut the best passages of {wildcards.collection}"
        script:
            "../workflow_scripts/tokens/truncate_passages.py"

    rule reorder_sentences:
        input:
            token_rankings=rules.rank_passages.output.token_rankings,
            documents=rules.prepare_collection.output.documents,
            queries=rules.prepare_collection.output.queries,
            qrels=rules.prepare_collection.output.qrels,
            reranker=RERANKER_FILES,
        output:
            sentence_order="<results>/sentence_order/{collection}.parquet",
        log:
            "<logs>/reorder_sentences/{collection}.log",
        benchmark:
            "<benchmarks>/reorder_sentences/{collection}.tsv"
        conda:
            "../envs/tokens.yaml"
        resources:
            gpu=1,
            mem_mb=growing(NEEDS.ranker_mb()),
            runtime=growing(TOKEN_NEEDS.rankings_minutes(4)),
        params:
            reranker=RERANKER,
            language=language_of,
            seed=STUDY["seed"],
            version=(VERSIONS["tokens"], VERSIONS["ablation"]),
        message:
            "Rank passages of {wildcards.collection} with their sentences in other orders"
        script:
            "../workflow_scripts/tokens/reorder_sentences.py"

    rule match_positions:
        input:
            token_rankings=expand(
                rules.rank_passages.output.token_rankings, collection=TOKEN_COLLECTIONS
            ),
            ranked_tokens=expand(
                rules.rank_passages.output.ranked_tokens, collection=TOKEN_COLLECTIONS
            ),
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/tokens/passage_matches.sql"),
                workflow.source_path("../workflow_scripts/tokens/match_positions.sql"),
                workflow.source_path("../workflow_scripts/tokens/match_top_passages.sql"),
            ],
        output:
            matched_positions="<results>/matched_positions.parquet",
            top_passages="<results>/top_passages.parquet",
        log:
            "<logs>/match_positions.log",
        benchmark:
            "<benchmarks>/match_positions.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            collections=TOKEN_COLLECTIONS,
            version=VERSIONS["token_summaries"],
        message:
            "Find where in the passages the words of the query are"
        script:
            "../workflow_scripts/tokens/match_positions.py"

    rule summarise_degradation:
        input:
            token_degradation=expand(
                rules.degrade_tokens.output.degradation,
                collection=TOKEN_COLLECTIONS,
                token_method=TOKEN_METHODS,
            ),
            token_statistics=TOKEN_STATISTICS,
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/tokens/summarise_degradation.sql"),
            ],
        output:
            degradation_curves="<results>/degradation_curves.parquet",
            degradation_areas="<results>/degradation_areas.parquet",
        log:
            "<logs>/summarise_degradation.log",
        benchmark:
            "<benchmarks>/summarise_degradation.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            settings=TOKEN_SUMMARY,
            version=VERSIONS["token_summaries"],
        message:
            "Sum up what is left without tokens, and test which method finds them"
        script:
            "../workflow_scripts/tokens/summarise_degradation.py"

    rule summarise_tokens:
        input:
            token_scores=expand(
                rules.gather_token_scores.output.scores,
                collection=TOKEN_COLLECTIONS,
                token_method=TOKEN_METHODS,
            ),
            ranked_token_scores=expand(
                rules.gather_ranked_tokens.output.scores, collection=TOKEN_COLLECTIONS
            ),
            token_rankings=expand(
                rules.rank_passages.output.token_rankings, collection=TOKEN_COLLECTIONS
            ),
            token_truncation=expand(
                rules.truncate_passages.output.token_truncation, collection=TOKEN_COLLECTIONS
            ),
            truncated_rankings=expand(
                rules.truncate_passages.output.truncated_rankings, collection=TOKEN_COLLECTIONS
            ),
            sentence_order=expand(
                rules.reorder_sentences.output.sentence_order, collection=TOKEN_COLLECTIONS
            ),
            matched_positions=rules.match_positions.output.matched_positions,
            top_passages=rules.match_positions.output.top_passages,
            degradation_areas=rules.summarise_degradation.output.degradation_areas,
            token_statistics=TOKEN_STATISTICS,
            sql=[
                workflow.source_path("../workflow_scripts/relevance_neurons/running/macros.sql"),
                workflow.source_path("../workflow_scripts/tokens/special_tokens.sql"),
                workflow.source_path("../workflow_scripts/tokens/token_positions.sql"),
                workflow.source_path("../workflow_scripts/tokens/passage_starts.sql"),
                workflow.source_path("../workflow_scripts/tokens/token_overlaps.sql"),
                workflow.source_path("../workflow_scripts/tokens/token_truncation.sql"),
                workflow.source_path("../workflow_scripts/tokens/truncated_rankings.sql"),
                workflow.source_path("../workflow_scripts/tokens/sentence_order.sql"),
                workflow.source_path("../workflow_scripts/tokens/matched_positions.sql"),
                workflow.source_path("../workflow_scripts/tokens/top_passages.sql"),
            ],
        output:
            special_tokens="<results>/special_tokens.parquet",
            token_positions="<results>/token_positions.parquet",
            token_overlaps="<results>/token_overlaps.parquet",
            token_overlap_correlations="<results>/token_overlap_correlations.parquet",
            truncation_summary="<results>/truncation_summary.parquet",
            truncated_rankings_summary="<results>/truncated_rankings_summary.parquet",
            sentence_order_summary="<results>/sentence_order_summary.parquet",
            matched_positions_summary="<results>/matched_positions_summary.parquet",
            top_passages_summary="<results>/top_passages_summary.parquet",
            token_findings="<results>/token_findings.parquet",
        log:
            "<logs>/summarise_tokens.log",
        benchmark:
            "<benchmarks>/summarise_tokens.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            settings=TOKEN_SUMMARY,
            version=VERSIONS["token_summaries"],
        message:
            "Sum up what tokens say about ranking"
        script:
            "../workflow_scripts/tokens/summarise_tokens.py"

    rule write_token_tables:
        input:
            degradation_areas=rules.summarise_degradation.output.degradation_areas,
            special_tokens=rules.summarise_tokens.output.special_tokens,
            truncation_summary=rules.summarise_tokens.output.truncation_summary,
            sentence_order_summary=rules.summarise_tokens.output.sentence_order_summary,
            token_findings=rules.summarise_tokens.output.token_findings,
            token_statistics=TOKEN_STATISTICS,
        output:
            token_degradation=report(
                multiext("<results>/tables/token_degradation", ".csv", ".md", ".tex"),
                caption="captions/token_degradation_table.rst",
                category="Tokens",
            ),
            special_tokens=report(
                multiext("<results>/tables/special_tokens", ".csv", ".md", ".tex"),
                caption="captions/special_tokens_table.rst",
                category="Tokens",
            ),
            token_truncation=report(
                multiext("<results>/tables/token_truncation", ".csv", ".md", ".tex"),
                caption="captions/token_truncation_table.rst",
                category="Tokens",
            ),
            sentence_order=report(
                multiext("<results>/tables/sentence_order", ".csv", ".md", ".tex"),
                caption="captions/sentence_order_table.rst",
                category="Tokens",
            ),
            token_findings=report(
                multiext("<results>/tables/token_findings", ".csv", ".md", ".tex"),
                caption="captions/token_findings_table.rst",
                category="Tokens",
            ),
        log:
            "<logs>/write_token_tables.log",
        benchmark:
            "<benchmarks>/write_token_tables.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            settings=TOKEN_SUMMARY,
            version=VERSIONS["token_summaries"],
        message:
            "Write the tables of tokens"
        script:
            "../workflow_scripts/report/write_token_tables.py"

    rule draw_token_figures:
        input:
            degradation_curves=rules.summarise_degradation.output.degradation_curves,
            degradation_areas=rules.summarise_degradation.output.degradation_areas,
            special_tokens=rules.summarise_tokens.output.special_tokens,
            token_overlaps=rules.summarise_tokens.output.token_overlaps,
            token_overlap_correlations=rules.summarise_tokens.output.token_overlap_correlations,
            token_positions=rules.summarise_tokens.output.token_positions,
            sentence_order_summary=rules.summarise_tokens.output.sentence_order_summary,
            truncated_rankings_summary=rules.summarise_tokens.output.truncated_rankings_summary,
            token_statistics=TOKEN_STATISTICS,
        output:
            token_degradation=report(
                multiext("<results>/figures/token_degradation", ".svg", ".png"),
                caption="captions/token_degradation_figure.rst",
                category="Tokens",
            ),
            special_tokens=report(
                multiext("<results>/figures/special_tokens", ".svg", ".png"),
                caption="captions/special_tokens_figure.rst",
                category="Tokens",
            ),
            token_overlaps=report(
                multiext("<results>/figures/token_overlaps", ".svg", ".png"),
                caption="captions/token_overlaps_figure.rst",
                category="Tokens",
            ),
            token_positions=report(
                multiext("<results>/figures/token_positions", ".svg", ".png"),
                caption="captions/token_positions_figure.rst",
                category="Tokens",
            ),
            sentence_order=report(
                multiext("<results>/figures/sentence_order", ".svg", ".png"),
                caption="captions/sentence_order_figure.rst",
                category="Tokens",
            ),
            truncated_rankings=report(
                multiext("<results>/figures/truncated_rankings", ".svg", ".png"),
                caption="captions/truncated_rankings_figure.rst",
                category="Tokens",
            ),
        log:
            "<logs>/draw_token_figures.log",
        benchmark:
            "<benchmarks>/draw_token_figures.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            settings=TOKEN_SUMMARY,
            version=VERSIONS["token_summaries"],
        message:
            "Draw the figures of tokens"
        script:
            "../workflow_scripts/report/draw_token_figures.py"

    rule write_token_maps:
        input:
            scores=expand(
                rules.gather_token_scores.output.scores,
                collection=TOKEN_COLLECTIONS,
                token_method=TOKEN_METHODS,
            ),
            checks=expand(
                rules.gather_token_scores.output.checks,
                collection=TOKEN_COLLECTIONS,
                token_method=TOKEN_METHODS,
            ),
            page_files=[
                workflow.source_path(f"../workflow_scripts/relevance_neurons/tokens/{name}")
                for name in (
                    "token_maps.html",
                    "token_maps.css",
                    "token_maps.js",
                    "token_colours.js",
                )
            ],
        output:
            page=report(
                "<results>/token_maps.html", caption="captions/token_maps.rst", category="Tokens"
            ),
        log:
            "<logs>/write_token_maps.log",
        benchmark:
            "<benchmarks>/write_token_maps.tsv"
        conda:
            "../envs/tables.yaml"
        resources:
            mem_mb=growing(4000),
            runtime=growing(LIGHT_MINUTES),
        params:
            study=STUDY["study"],
            most_pairs=50,
        message:
            "Write the page of token maps"
        script:
            "../workflow_scripts/tokens/write_token_maps.py"

    TOKEN_TABLES = {
        "token_pairs": expand(
            rules.choose_token_pairs.output.token_pairs, collection=TOKEN_COLLECTIONS
        ),
        "token_statistics": TOKEN_STATISTICS,
        "token_scores": expand(
            rules.gather_token_scores.output.scores,
            collection=TOKEN_COLLECTIONS,
            token_method=TOKEN_METHODS,
        ),
        "token_checks": expand(
            rules.gather_token_scores.output.checks,
            collection=TOKEN_COLLECTIONS,
            token_method=TOKEN_METHODS,
        ),
        "token_degradation": expand(
            rules.degrade_tokens.output.degradation,
            collection=TOKEN_COLLECTIONS,
            token_method=TOKEN_METHODS,
        ),
        "token_rankings": expand(
            rules.rank_passages.output.token_rankings, collection=TOKEN_COLLECTIONS
        ),
        "ranked_token_scores": expand(
            rules.gather_ranked_tokens.output.scores, collection=TOKEN_COLLECTIONS
        ),
        "token_truncation": expand(
            rules.truncate_passages.output.token_truncation, collection=TOKEN_COLLECTIONS
        ),
        "truncated_rankings": expand(
            rules.truncate_passages.output.truncated_rankings, collection=TOKEN_COLLECTIONS
        ),
        "sentence_order": expand(
            rules.reorder_sentences.output.sentence_order, collection=TOKEN_COLLECTIONS
        ),
        **dict(rules.match_positions.output.items()),
        **dict(rules.summarise_degradation.output.items()),
        **dict(rules.summarise_tokens.output.items()),
        "neuron_tokens": [f"<results>/neuron_tokens/{one.path}.parquet" for one in KIND_MAPS],
    }
    TOKEN_RESULTS += [
        *rules.summarise_degradation.output,
        *rules.summarise_tokens.output,
        *rules.write_token_tables.output,
        *rules.draw_token_figures.output,
        *rules.write_token_maps.output,
    ]
