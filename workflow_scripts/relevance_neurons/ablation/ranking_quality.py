"""How well rankings are on the whole: of every query, and on average over them."""

from __future__ import annotations

import polars as pl

from relevance_neurons.statistics.bootstrap import mean_interval


def with_every_query(values: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """``values`` by ranking, with 0 for a query for which BM25 finds nothing."""
    rankings = values.select(pl.col("scheme").alias("ranking"), "measure").unique()
    return (
        rankings.join(queries.select("query_id"), how="cross")
        .join(
            values.select(pl.col("scheme").alias("ranking"), "query_id", "value"),
            on=["ranking", "query_id"],
            how="left",
        )
        .with_columns(pl.col("value").fill_null(0.0))
        .select("ranking", "query_id", "measure", "value")
        .sort("ranking", "query_id")
    )


def summarise_rankings(values: pl.DataFrame, collection: str, seed: int) -> pl.DataFrame:
    """A row per ranking of ``values`` (ranking, query_id, measure, value)."""
    rows = []
    for (ranking, measure), group in values.sort("ranking", "query_id").group_by(
        "ranking", "measure", maintain_order=True
    ):
        mean, low, high = mean_interval(group["value"].to_numpy(), seed=seed)
        rows.append((collection, ranking, measure, mean, low, high, len(group)))
    numbers = dict.fromkeys(("value", "ci_low", "ci_high"), pl.Float64) | {"n_queries": pl.Int64}
    names = dict.fromkeys(("collection", "ranking", "measure"), pl.String)
    return pl.DataFrame(rows, schema=names | numbers, orient="row")
