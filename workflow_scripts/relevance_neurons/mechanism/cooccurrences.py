"""The words that stand in a collection's documents together with given terms."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from relevance_neurons.mechanism.document_words import text_chunks
from relevance_neurons.mechanism.words import collection_words
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql

_QUERY = Path(__file__).with_name("related_words.sql")


def cooccurrences(
    documents: str | Path, word_counts: str | Path, terms: Collection[str], depth: int = 1000
) -> pl.DataFrame:
    """term, word, n_both, npmi: of each term the ``depth`` words that go with it most.

    ``documents``, ``word_counts``: the collection's files; ``terms``: words in normal form.
    Documents stream; what is counted is said in related_words.sql.
    """
    wanted = pl.Series("term", sorted(set(terms)), dtype=pl.String)
    with TemporaryDirectory() as folder:
        files = []
        for number, texts in enumerate(text_chunks(documents, "words beside the terms")):
            files.append(f"{folder}/{number}.parquet")
            write_parquet(_together(texts, wanted), files[-1])
        return run_sql(_QUERY, together=files, word_counts=str(word_counts), depth=depth)


def _together(texts: pl.Series, terms: pl.Series) -> pl.DataFrame:
    """term, word, n_documents: how many of ``texts`` have both."""
    words = collection_words(texts).list.unique().alias("word").to_frame().with_row_index("text")
    words = words.explode("word", keep_nulls=False, empty_as_null=False)
    with_term = words.join(terms.to_frame(), left_on="word", right_on="term")
    both = with_term.rename({"word": "term"}).join(words, on="text")
    return both.group_by("term", "word").agg(n_documents=pl.len().cast(pl.Int64))
