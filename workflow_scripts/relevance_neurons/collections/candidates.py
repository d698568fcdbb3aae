"""The candidate passages that a ranker re-ranks: a query's relevant ones and the best others."""

from __future__ import annotations

import logging

import polars as pl

from relevance_neurons.collections.retrieval import Bm25Index, sample_queries
from relevance_neurons.errors import UserError

logger = logging.getLogger(__name__)


def draw_candidates(
    index: Bm25Index,
    queries: pl.DataFrame,
    qrels: pl.DataFrame,
    relevant_grades: list[int],
    n_candidates: int,
    max_queries: int | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """The pool of each query: its relevant passages and the best others by BM25.

    Vast et al. (2024), section 4: "each relevant passage with 20 other passages from BM25", here
    one pool per query: all its passages with a grade in ``relevant_grades`` plus the
    ``n_candidates`` highest-ranked ones without. The queries are a seeded sample of
    ``max_queries`` of those with a relevant passage (None: all), whatever the order of the rows.

    Returns query_id, doc_id, grade (0 where unjudged), bm25_rank and bm25_score (null where BM25
    did not return the passage among the ``n_candidates`` + most relevant passages of a query),
    pool ("relevant" or "bm25"), sorted by query_id, bm25_rank, doc_id. A query that BM25 knows no
    other passage for has nothing to rank and is left out; the log names it.
    """
    relevant = qrels.filter(pl.col("grade").is_in(relevant_grades)).select("query_id", "doc_id")
    chosen = sample_queries(queries.join(relevant, on="query_id", how="semi"), max_queries, seed)
    relevant = relevant.join(chosen, on="query_id", how="semi")
    if relevant.is_empty():
        raise UserError(f"candidates: no query has a passage of the grades {relevant_grades}")
    deepest = relevant.group_by("query_id").len()["len"].max()
    run = index.search(chosen, n_candidates + deepest)
    relevant = _with_text(relevant, index.doc_ids)
    others = run.join(relevant, on=["query_id", "doc_id"], how="anti").filter(
        pl.int_range(pl.len()).over("query_id") < n_candidates
    )
    pools = {"relevant": relevant, "bm25": others}
    pairs = pl.concat(
        frame.select("query_id", "doc_id", pool=pl.lit(pool)) for pool, frame in pools.items()
    )
    return (
        _with_something_to_rank(pairs, chosen)
        .join(run, on=["query_id", "doc_id"], how="left")
        .join(qrels.select("query_id", "doc_id", "grade"), on=["query_id", "doc_id"], how="left")
        .with_columns(pl.col("grade").fill_null(0))
        .select("query_id", "doc_id", "grade", "bm25_rank", "bm25_score", "pool")
        .sort("query_id", "bm25_rank", "doc_id", nulls_last=True)
    )


def _with_text(relevant: pl.DataFrame, doc_ids: pl.Series) -> pl.DataFrame:
    """Judged passages that the collection holds: one without text cannot be ranked."""
    # The few are looked for among the many: the many would be hashed, 90 bytes each.
    there = doc_ids.filter(doc_ids.is_in(relevant["doc_id"].unique().implode()))
    known = relevant.filter(pl.col("doc_id").is_in(there.implode()))
    if missing := len(relevant) - len(known):
        logger.warning("%d relevant passages are not among the documents: left out", missing)
    return known


def _with_something_to_rank(pairs: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """The pools with relevant and other passages; the log names the queries left out."""
    whole = pairs.group_by("query_id").agg(pl.col("pool").n_unique()).filter(pl.col("pool") == 2)
    if whole.is_empty():
        raise UserError(
            "candidates: BM25 finds no other passage for any query (it knows words of Latin "
            "letters and digits alone); another collection is needed"
        )
    for query_id in chosen.join(whole, on="query_id", how="anti")["query_id"]:
        logger.warning("query %s is left out: BM25 finds no other passage for it", query_id)
    return pairs.join(whole, on="query_id", how="semi")
