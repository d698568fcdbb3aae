"""Which relevant passages have the words of their query, and which say it in others."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.collections.words import Analyser

PAIR = ["query_id", "doc_id"]


def term_shares(
    pairs: pl.DataFrame, queries: str | Path, documents: str | Path, language: str
) -> pl.DataFrame:
    """The share of a query's different terms that its passage has, of each of ``pairs``.

    ``pairs``: query_id, doc_id; ``queries``, ``documents``: files with their texts. Terms are those
    of BM25 in the collection's ``language``: stems, of the query without stop words. Returns
    query_id, doc_id, share (0 to 1; null where the query has no term).
    """
    texts = pair_texts(pairs, queries, documents)
    analyser = Analyser(language)
    asked = analyser.queries(pl.Series([query for query, _ in texts], dtype=pl.String))
    found = analyser.documents(pl.Series([passage for _, passage in texts], dtype=pl.String))
    terms = pl.DataFrame({"asked": _terms(asked), "found": _terms(found)})
    shared = pl.col("asked").list.set_intersection("found").list.len()
    share = terms.select(shared / pl.when(pl.col("asked").list.len() > 0).then("asked").list.len())
    return pairs.select(*PAIR).with_columns(share=share.to_series())


def with_many_terms(shares: pl.DataFrame) -> pl.DataFrame:
    """Add ``lexical``: whether the share is above the median of all of them (null: no share)."""
    return shares.with_columns(lexical=pl.col("share") > pl.col("share").median())


def _terms(lines: pl.Series) -> pl.Series:
    """The different terms of each line of terms."""
    split = lines.str.split(" ")
    return split.list.eval(pl.element().filter(pl.element() != "")).list.unique()
