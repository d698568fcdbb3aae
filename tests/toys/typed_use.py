"""The public face as a type checker sees it; `make lint` checks this file, nothing runs it."""

from typing import assert_type

import polars as pl

from relevance_neurons import (
    Attribution,
    Comparison,
    Reranker,
    ablate,
    attribute,
    compare,
    load_reranker,
    select,
)

reranker = load_reranker("folder")
assert_type(reranker, Reranker)
attribution = attribute(reranker, [("query", "passage")], label="relevant")
assert_type(attribution, Attribution)
assert_type(attribution.frame(), pl.DataFrame)
neurons = select(attribution, 1)
assert_type(neurons, pl.DataFrame)
with ablate(reranker, neurons) as ablated:
    assert_type(ablated, Reranker)
comparison = compare(reranker, {"strongest": neurons}, pl.DataFrame())
assert_type(comparison, Comparison)
assert_type(comparison.frame(), pl.DataFrame)
