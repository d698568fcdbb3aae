"""Whole queries, for targets within a query: some of their passages are relevant, some are not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from relevance_neurons.errors import UserError

logger = logging.getLogger(__name__)


def pairs_of_map(
    given: Mapping[str, str | Path], passages: str | None, label: str, most: int, name: str
) -> pl.DataFrame:
    """What a map of collection ``name`` is made from: query_id, doc_id; of whole queries, gain too.

    ``given``: the files pairs and, where ``passages`` says which passages of whole queries,
    qrels and (for "pool") candidates. Of a label the first ``most`` kept pairs, of whole queries
    as many passages as of both labels.
    """
    if passages is None:
        return pl.read_parquet(given["pairs"]).filter(pl.col("kept"), label=label).head(most)
    found = (
        pl.read_parquet(given["candidates"])
        if passages == "pool"
        else pl.read_parquet(given["pairs"]).filter("kept")
    )
    return whole_queries(found, pl.read_parquet(given["qrels"]), 2 * most, name)


def whole_queries(
    passages: pl.DataFrame, qrels: pl.DataFrame, most: int, name: str
) -> pl.DataFrame:
    """The passages of the queries that have both kinds: query_id, doc_id, gain, query by query.

    ``passages``: query_id, doc_id, in the order in which queries are taken until they have ``most``
    passages (the first one whole in any case); ``qrels``: query_id, doc_id, label, gain. The gain
    of what is not labelled relevant is 0. Queries that lack a kind are left out; the log counts
    them.
    Raises ``UserError``, for collection ``name``, where no query is left.
    """
    relevant = pl.when(pl.col("label") == "relevant").then("gain").otherwise(0)
    judged = passages.select("query_id", "doc_id").join(
        qrels.select("query_id", "doc_id", gain=relevant.fill_null(0)),
        on=["query_id", "doc_id"],
        how="left",
        maintain_order="left",
    )
    judged = judged.with_columns(pl.col("gain").fill_null(0))
    order = judged["query_id"].unique(maintain_order=True).to_frame().with_row_index("place")
    of_query = pl.col("gain").gt(0)
    whole = judged.filter(of_query.any().over("query_id"), (~of_query).any().over("query_id"))
    n_left_out = judged["query_id"].n_unique() - whole["query_id"].n_unique()
    if n_left_out:
        logger.info(
            "%s: %d of %d queries have no relevant passage here, or no other: left out",
            *(name, n_left_out, judged["query_id"].n_unique()),
        )
    if whole.is_empty():
        raise UserError(
            f"{name}: no query has both relevant and other passages here, which a target within a "
            "query needs; raise attribution.max_pairs, or take passages: pool"
        )
    ordered = whole.join(order, on="query_id", maintain_order="left").sort(
        "place", maintain_order=True
    )
    sizes = ordered.group_by("query_id", maintain_order=True).len()
    taken = sizes.filter((pl.col("len").cum_sum() <= most) | (pl.int_range(pl.len()) == 0))
    return ordered.join(taken, on="query_id", how="semi", maintain_order="left").drop("place")
