"""Rule evaluate_reranker: how good the first stage's ranking is, and the ranker's of the same."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.ablation.measures import measure_rankings
from relevance_neurons.ablation.ranking_quality import with_every_query
from relevance_neurons.collections.retrieval import evaluated_queries
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    evaluation: str,
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
    measure: Mapping[str, str],
) -> None:
    """Measure both rankings of the same passages.

    ``settings``: max_queries and seed; ``measure``: measure and ambiguous of ``measure_rankings``.
    """
    queries, qrels = pl.read_parquet(given["queries"]), pl.read_parquet(given["qrels"])
    chosen = evaluated_queries(queries, qrels, settings["max_queries"], settings["seed"])
    run = pl.read_parquet(given["run"])
    first_stage = "bm25" if "bm25_score" in run.columns else "run"
    texts = pair_texts(run, given["queries"], given["documents"])
    scores = rerank_under_ablations(load_reranker(**reranker), texts, [None])[0]
    rankings = [
        run.select(
            pl.lit(name).alias("scheme"),
            pl.lit(0.0).alias("top_percent"),
            pl.lit(0, dtype=pl.Int32).alias("draw"),
            "query_id",
            "doc_id",
            values.cast(pl.Float64).alias("score"),
        )
        for name, values in (
            (first_stage, run[f"{first_stage}_score"]),
            ("reranker", pl.Series(scores)),
        )
    ]
    values = measure_rankings(pl.concat(rankings), qrels, **measure)
    write_parquet(with_every_query(values, chosen), evaluation)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params = snakemake.params
        main(
            snakemake.input,
            snakemake.output.evaluation,
            params.reranker,
            params.settings,
            params.measure,
        )
