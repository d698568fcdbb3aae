"""Means over queries: one for which nothing was found is counted, not taken for a bad ranking."""

import numpy as np
import polars as pl

from relevance_neurons.ablation.ranking_quality import summarise_rankings, with_every_query


def test_a_query_without_passages_is_in_no_mean():
    found = pl.DataFrame(
        [(r, q, "nDCG@10", v) for r, v in (("bm25", 0.5), ("reranker", 1.0)) for q in ("q1", "q3")],
        schema=["scheme", "query_id", "measure", "value"],
        orient="row",
    )
    queries = pl.DataFrame({"query_id": ["q1", "q2", "q3"]})
    values = with_every_query(found, queries)
    assert values["query_id"].to_list() == ["q1", "q2", "q3"] * 2
    assert values["value"].to_list() == [0.5, None, 0.5, 1.0, None, 1.0]
    summary = summarise_rankings(values, "c", 0)
    assert summary.select("ranking", "value", "n_queries", "n_not_found").rows() == [
        ("bm25", 0.5, 2, 1),
        ("reranker", 1.0, 2, 1),
    ]


def test_the_mean_is_over_what_was_found():
    rng = np.random.default_rng(0)
    values = rng.random(30)
    frame = pl.DataFrame(
        {
            "ranking": "bm25",
            "query_id": [f"q{number}" for number in range(40)],
            "measure": "AP",
            "value": [*values, *[None] * 10],
        }
    )
    row = summarise_rankings(frame, "c", 0).row(0, named=True)
    assert np.isclose(row["value"], values.mean()) and row["ci_low"] < row["value"] < row["ci_high"]
    assert (row["n_queries"], row["n_not_found"]) == (30, 10)
