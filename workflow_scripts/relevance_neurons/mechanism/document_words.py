"""The words of a collection's documents, chunk by chunk: of millions no text stays in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow.parquet as pq

from relevance_neurons.mechanism.words import collection_words
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.progress import Progress

_CHUNK = 20_000
"""Documents whose texts are held at a time."""


class Totals(NamedTuple):
    """Of a collection: its documents, and the words in all of them, repeated ones too."""

    n_documents: int
    n_words: int


def count_document_words(documents: str | Path, folder: str | Path) -> Totals:
    """Write in how many documents each word is, a file in ``folder`` for each chunk of them.

    ``documents``: the collection's Parquet file (doc_id, text). A file's rows: word, n_documents
    (of this chunk; a word is in many files).
    """
    n_documents, n_words = 0, 0
    for number, texts in enumerate(text_chunks(documents, "counting words")):
        words = collection_words(texts)
        n_documents, n_words = n_documents + len(texts), n_words + words.list.len().sum()
        each = words.list.unique().explode(keep_nulls=False, empty_as_null=False).alias("word")
        counted = each.to_frame().group_by("word").agg(n_documents=pl.len().cast(pl.Int64))
        write_parquet(counted, Path(folder) / f"{number}.parquet")
    return Totals(n_documents, n_words)


def text_chunks(documents: str | Path, description: str) -> Iterator[pl.Series]:
    """The texts of ``documents`` in their order, some thousands at a time."""
    file = pq.ParquetFile(documents)
    with Progress(file.metadata.num_rows, description, "documents") as progress:
        for batch in file.iter_batches(_CHUNK, columns=["text"]):
            yield pl.Series("text", batch.column("text"), dtype=pl.String)
            progress.update(len(batch))
