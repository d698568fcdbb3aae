"""The candidate passages that a ranker re-ranks: a query's relevant ones and the best others."""

from __future__ import annotations

import logging
from pathlib import Path

import polars as pl
import polars.selectors as cs

from relevance_neurons.collections.own_run import OwnRun
from relevance_neurons.collections.retrieval import Bm25Index, sample_queries
from relevance_neurons.collections.texts import rows_of
from relevance_neurons.errors import UserError

logger = logging.getLogger(__name__)

_FIRST_COLUMNS = ("query_id", "doc_id", "grade", "bm25_rank", "bm25_score")


def draw_candidates(
    first_stage: Bm25Index | OwnRun,
    queries: pl.DataFrame,
    qrels: pl.DataFrame,
    relevant_grades: list[int],
    n_candidates: int,
    max_queries: int | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """The pool of each query: its relevant passages and the best others of the first stage.

    Vast et al. (2024), section 4: "each relevant passage with 20 other passages from BM25", here
    one pool per query: all its passages with a grade in ``relevant_grades`` plus the
    ``n_candidates`` highest-ranked ones without. The queries are a seeded sample of
    ``max_queries`` of those with a relevant passage (None: all), whatever the order of the rows.
    No pool holds the query itself: the passage that ``queries`` (query_id, text, own_document)
    calls so or, without that column, one with the query's id that is not relevant for it.

    Returns query_id, doc_id, grade (0 where unjudged), bm25_rank and bm25_score (null where BM25
    did not return the passage among the ``n_candidates`` + most relevant passages of a query),
    pool ("relevant", or the first stage: "bm25" or "run"), sorted by query_id, rank, doc_id. With a
    run of the user's own, run_rank and run_score are there too and those of BM25 are null. A query
    without another passage has nothing to rank and is left out; the log counts and names them.
    """
    relevant = qrels.filter(pl.col("grade").is_in(relevant_grades)).select("query_id", "doc_id")
    chosen = sample_queries(queries.join(relevant, on="query_id", how="semi"), max_queries, seed)
    relevant = relevant.join(chosen, on="query_id", how="semi")
    if relevant.is_empty():
        raise UserError(
            f"candidates: no query has a passage of the grades {relevant_grades}; name grades that "
            "the judgments hold"
        )
    deepest = relevant.group_by("query_id").len()["len"].max()
    run = first_stage.search(_with_own_documents(chosen, relevant), n_candidates + deepest)
    relevant = _with_text(relevant, first_stage.doc_ids)
    others = run.join(relevant, on=["query_id", "doc_id"], how="anti").filter(
        pl.int_range(pl.len()).over("query_id") < n_candidates
    )
    pools = {"relevant": relevant, first_stage.name: others}
    pairs = pl.concat(
        frame.select("query_id", "doc_id", pool=pl.lit(pool)) for pool, frame in pools.items()
    )
    return (
        _with_something_to_rank(pairs, chosen, first_stage.name)
        .join(run, on=["query_id", "doc_id"], how="left")
        .join(qrels.select("query_id", "doc_id", "grade"), on=["query_id", "doc_id"], how="left")
        .with_columns(pl.col("grade").fill_null(0), *_of_bm25(run))
        .sort("query_id", f"{first_stage.name}_rank", "doc_id", nulls_last=True)
        .select(*_FIRST_COLUMNS, cs.starts_with("run_"), "pool")
    )


def warn_of_copies(passages: pl.DataFrame, qrels: pl.DataFrame, documents: Path) -> None:
    """Say in the log how many passages have the very text of a relevant one of their query.

    ``passages`` (query_id, doc_id) are what is ranked, ``qrels`` has a label. Such a passage counts
    as what it is judged, as a rule not at all, though it answers as well.
    """
    pairs = ["query_id", "doc_id"]
    relevant = qrels.filter(pl.col("label") == "relevant").select(pairs)
    relevant = relevant.join(passages, on="query_id", how="semi")
    others = passages.select(pairs).join(relevant, on=pairs, how="anti")
    texts = rows_of(documents, "doc_id", pl.concat([relevant, others])["doc_id"])
    copies = others.join(texts, on="doc_id").join(
        relevant.join(texts, on="doc_id"), on=["query_id", "text"], how="semi"
    )
    copies = copies.sort("query_id", "doc_id")
    if len(copies):
        # Way out: nothing need be done where they are few; else leave one of each text in the
        # documents, and judge that.
        logger.warning(
            "%d passages that are ranked, of %d queries, have the text of a relevant one under "
            "another id: they count as non-relevant (first: document %s for query %s)",
            len(copies),
            copies["query_id"].n_unique(),
            copies["doc_id"][0],
            copies["query_id"][0],
        )


def _of_bm25(run: pl.DataFrame) -> list[pl.Expr]:
    """Null columns of BM25 where the first stage is another."""
    nulls = {"bm25_rank": pl.Int64, "bm25_score": pl.Float64}
    return [
        pl.lit(None, kind).alias(name) for name, kind in nulls.items() if name not in run.columns
    ]


def _with_own_documents(queries: pl.DataFrame, relevant: pl.DataFrame) -> pl.DataFrame:
    if "own_document" in queries.columns:
        return queries
    judged = relevant.filter(pl.col("query_id") == pl.col("doc_id"))["query_id"]
    return queries.with_columns(own_document=~pl.col("query_id").is_in(judged.implode()))


def _with_text(relevant: pl.DataFrame, doc_ids: pl.Series) -> pl.DataFrame:
    """Judged passages that the collection holds: one without text cannot be ranked."""
    # The few are looked for among the many: the many would be hashed, 90 bytes each.
    there = doc_ids.filter(doc_ids.is_in(relevant["doc_id"].unique().implode()))
    known = relevant.filter(pl.col("doc_id").is_in(there.implode()))
    if missing := len(relevant) - len(known):
        # Way out: nothing need be done; what is not there cannot be ranked.
        logger.warning("%d relevant passages are not among the documents: left out", missing)
    return known


def _with_something_to_rank(
    pairs: pl.DataFrame, chosen: pl.DataFrame, first_stage: str
) -> pl.DataFrame:
    """The pools with relevant and other passages; the log counts and names the queries left out."""
    whole = pairs.group_by("query_id").agg(pl.col("pool").n_unique()).filter(pl.col("pool") == 2)
    if whole.is_empty():
        raise UserError(
            f"candidates: {first_stage} finds no other passage for any query; another collection, "
            "or a run of your own (collections.<name>.run), is needed"
        )
    left_out = chosen.join(whole, on="query_id", how="anti")["query_id"].to_list()
    if left_out:
        # Way out: nothing need be done where they are few; else look whether `language` is that of
        # the texts, or bring a run of your own (`run`).
        logger.warning(
            "%d of %d queries are left out, %s finds no other passage for them: %s%s",
            len(left_out),
            len(chosen),
            first_stage,
            ", ".join(left_out[:10]),
            ", …" if len(left_out) > 10 else "",
        )
    return pairs.join(whole, on="query_id", how="semi")
