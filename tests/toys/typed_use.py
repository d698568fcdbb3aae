"""The public face as a type checker sees it; `make lint` checks this file, nothing runs it."""

from typing import assert_type

import polars as pl

from relevance_neurons import (
    Attribution,
    Reranker,
    ablate,
    attribute,
    load_reranker,
)

reranker = load_reranker("folder")
assert_type(reranker, Reranker)
attribution = attribute(reranker, [("query", "passage")], label="relevant")
assert_type(attribution, Attribution)
assert_type(attribution.frame(), pl.DataFrame)
with ablate(reranker, attribution.frame()) as ablated:
    assert_type(ablated, Reranker)
