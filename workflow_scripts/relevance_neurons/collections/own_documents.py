"""Queries that are themselves among the documents, under their own id (ArguAna, Quora, SciDocs).

A query would be the best passage for itself. But ids may be the same by accident (both counted
from 1): the texts tell.
"""

from __future__ import annotations

import logging
from pathlib import Path

import polars as pl

from relevance_neurons.collections.texts import rows_of
from relevance_neurons.collections.words import NO_STEMS, Analyser

logger = logging.getLogger(__name__)

OWN_DOCUMENTS = ("auto", "drop", "keep")
"""What becomes of a document with a query's id, for that query.

``auto``: left out where it begins with the query's text, or shares half of all their words with
it, unless it is judged relevant for it. ``drop``: always left out. ``keep``: never.
"""
_SHARED_WORDS = 0.5


def mark_own_documents(
    queries: pl.DataFrame, judgments: pl.DataFrame, documents: Path, choice: str, collection: str
) -> pl.DataFrame:
    """``queries`` with own_document: whether the document of its id is to be left out.

    ``queries`` (query_id, text), ``judgments`` (query_id, doc_id, label), ``documents``: the
    Parquet file. ``choice`` is one of ``OWN_DOCUMENTS``. The log counts what was taken for what.
    """
    passages = rows_of(documents, "doc_id", queries["query_id"]).rename({"text": "passage"})
    same = queries.join(passages, left_on="query_id", right_on="doc_id")
    alike = same.filter(_is_own(same))
    relevant = alike.join(_judged_relevant_for_itself(judgments), on="query_id", how="semi")
    judged_so = pl.col("query_id").is_in(relevant["query_id"].implode())
    own = {"drop": same, "keep": same.clear(), "auto": alike.filter(~judged_so)}[choice]
    if len(own):
        logger.warning(
            "%s: %d of %d queries are documents too, under their own id: left out of their own "
            "rankings and judgments; own_document: keep would keep them",
            collection,
            len(own),
            len(queries),
        )
    if kept := len(same) - len(own):
        logger.info(
            "%s: %d queries have the id of a document and keep it: %d of another text than theirs, "
            "%d that are judged relevant for themselves",
            collection,
            kept,
            len(same) - len(alike),
            len(relevant),
        )
    return queries.with_columns(own_document=pl.col("query_id").is_in(own["query_id"].implode()))


def without_own_documents(pairs: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """``pairs`` (query_id, doc_id, …) without those of a query with itself.

    ``queries`` (query_id, own_document) says which queries are documents too; where it has no
    such column none is.
    """
    if "own_document" not in queries.columns:
        return pairs
    own = queries.filter("own_document")["query_id"].implode()
    return pairs.filter((pl.col("query_id") != pl.col("doc_id")) | ~pl.col("query_id").is_in(own))


def _judged_relevant_for_itself(judgments: pl.DataFrame) -> pl.DataFrame:
    itself = pl.col("query_id") == pl.col("doc_id")
    return judgments.filter(itself, pl.col("label") == "relevant")


def _is_own(same: pl.DataFrame) -> pl.Series:
    """Whether the text of each row's query is that of its passage, or its beginning."""
    analyser = Analyser(NO_STEMS)
    words = pl.DataFrame(
        {
            "query": analyser.documents(same["text"]),
            "passage": analyser.documents(same["passage"]),
        }
    ).with_columns(pl.all().str.split(" "))
    starts = pl.col("passage").list.head(pl.col("query").list.len()) == pl.col("query")
    shared = pl.col("query").list.set_intersection("passage").list.len()
    either = pl.col("query").list.set_union("passage").list.len()
    has_words = pl.col("query").list.first() != ""
    return words.select(has_words & (starts | (shared >= _SHARED_WORDS * either))).to_series()
