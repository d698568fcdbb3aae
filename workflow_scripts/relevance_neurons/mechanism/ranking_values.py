"""The measure of rankings by scores that no ablation gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from relevance_neurons.ablation.measures import measure_rankings


def as_ranking(passages: pl.DataFrame, scores: Sequence[float], draw: int) -> pl.DataFrame:
    """``passages`` (query_id, doc_id) with their ``scores`` as ``measure_rankings`` takes them."""
    return passages.select(
        pl.lit("").alias("scheme"),
        pl.lit(0.0).alias("top_percent"),
        pl.lit(draw).alias("draw"),
        "query_id",
        "doc_id",
        pl.Series("score", scores),
    )


def ranking_values(
    passages: pl.DataFrame, scores: np.ndarray, qrels: pl.DataFrame, measure: str, ambiguous: str
) -> np.ndarray:
    """The measure of each query by each row of ``scores``: shape (n_rows, n_queries).

    ``passages``: query_id, doc_id; ``scores``: shape (n_rows, n_passages).
    """
    rankings = pl.concat([as_ranking(passages, row, n) for n, row in enumerate(scores)])
    found = measure_rankings(rankings, qrels, measure, ambiguous)
    return found["value"].to_numpy().reshape(len(scores), -1)
