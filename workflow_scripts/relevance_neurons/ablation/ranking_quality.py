"""How well rankings are on the whole: of every query, and on average over them."""

from __future__ import annotations

import polars as pl

from relevance_neurons.statistics.bootstrap import mean_interval

RANKINGS = {"bm25": "BM25", "run": "own run", "reranker": "ranker"}
"""Every ranking, as tables and figures name it: the first stage's, and the ranker's of the same."""


def with_every_query(values: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """``values`` by ranking, with null for a query for which the first stage found nothing.

    A ranker that was given nothing to rank has not ranked badly.
    """
    rankings = values.select(pl.col("scheme").alias("ranking"), "measure").unique()
    found = values.select(pl.col("scheme").alias("ranking"), "query_id", "value")
    return (
        rankings.join(queries.select("query_id"), how="cross")
        .join(found, on=["ranking", "query_id"], how="left")
        .select("ranking", "query_id", "measure", "value")
        .sort("ranking", "query_id")
    )


def summarise_rankings(values: pl.DataFrame, collection: str, seed: int) -> pl.DataFrame:
    """A row per ranking of ``values`` (ranking, query_id, measure, value or null).

    Returns collection, ranking, measure, value (the mean), ci_low, ci_high, n_queries, and
    n_not_found, the queries beside those for which the first stage found nothing.
    """
    rows = []
    for (ranking, measure), group in values.sort("ranking", "query_id").group_by(
        "ranking", "measure", maintain_order=True
    ):
        found = group["value"].drop_nulls()
        mean, low, high = mean_interval(found.to_numpy(), seed=seed)
        counts = len(found), len(group) - len(found)
        rows.append((collection, ranking, measure, mean, low, high, *counts))
    counts = dict.fromkeys(("n_queries", "n_not_found"), pl.Int64)
    numbers = dict.fromkeys(("value", "ci_low", "ci_high"), pl.Float64) | counts
    names = dict.fromkeys(("collection", "ranking", "measure"), pl.String)
    return pl.DataFrame(rows, schema=names | numbers, orient="row")
