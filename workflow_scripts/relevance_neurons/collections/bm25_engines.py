"""The engines behind BM25, through PyTerrier: PISA (C++) and Terrier (Java)."""

from __future__ import annotations

import itertools
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from relevance_neurons.errors import UserError

Retriever = Callable[[int], Callable]
"""From a depth to a PyTerrier transformer: queries (qid, query) to (qid, docno, score)."""


class Feed:
    """The documents as an indexer reads them, numbered from 0; keeps their ids.

    Indexers read in a thread of their own, where an exception would be lost and leave half an
    index: it waits here in ``error``. Numbers stand for the ids, which may hold spaces.
    """

    def __init__(self, chunks: Iterator[pl.DataFrame]) -> None:
        self.chunks, self.doc_ids, self.error = chunks, [], None

    def __iter__(self) -> Iterator[dict[str, str]]:
        number = itertools.count()
        try:
            for chunk in self.chunks:
                self.doc_ids.append(chunk["doc_id"])
                for text in chunk["text"]:
                    yield {"docno": str(next(number)), "text": text.replace("\0", " ")}
        except Exception as error:
            self.error = error


@contextmanager
def quiet() -> Iterator[None]:
    """Send what engines print (from C++, to the process's own descriptors) to nowhere."""
    sys.stdout.flush()
    saved = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for descriptor in (*saved, nowhere):
            os.close(descriptor)


def open_pisa(feed: Feed, folder: Path, k1: float, b: float) -> tuple[Retriever, int]:
    """Index the documents with PISA: no Java; terms are Porter 2 stems, Terrier's stop words."""
    import pyterrier_pisa

    index = pyterrier_pisa.PisaIndex(str(folder), text_field="text").index(feed)

    # The exhaustive algorithm adds up a document's terms in one fixed order, so that equal texts
    # have equal scores to the last bit. Weighted: a term that a query repeats counts again.
    def retrieve(depth: int) -> Callable:
        return index.bm25(
            k1, b, num_results=depth, query_algorithm="ranked_or", query_weighted=True
        )

    return retrieve, len(index)


def open_terrier(feed: Feed, folder: Path, k1: float, b: float) -> tuple[Retriever, int]:
    """Index the documents with Terrier, which needs Java and its jars (``UserError`` if not)."""
    import pyterrier

    _start_java(pyterrier)
    reference = pyterrier.terrier.IterDictIndexer(str(folder.resolve())).index(feed)
    index = pyterrier.IndexFactory.of(reference)
    controls = {"bm25.k_1": str(k1), "bm25.b": str(b)}

    def words(query) -> str:  # punctuation would be read as operators
        return re.sub(r"\W+", " ", query["query"])

    def retrieve(depth: int) -> Callable:
        bm25_retriever = pyterrier.terrier.Retriever(
            index, wmodel="BM25", controls=dict(controls), num_results=depth
        )
        return pyterrier.apply.query(words) >> bm25_retriever

    return retrieve, index.getCollectionStatistics().getNumberOfDocuments()


def _start_java(pyterrier) -> None:
    if pyterrier.java.started():
        return
    try:
        pyterrier.java.init()
    except Exception as error:
        raise UserError(
            f"bm25: engine terrier could not start ({error}); it needs Java, and either the "
            f"network or, in {pyterrier.io.pyterrier_home()} (set by $PYTERRIER_HOME), "
            "terrier-assemblies-<version>-jar-with-dependencies.jar and "
            "terrier-python-helper-<version>.jar from Maven Central; engine pisa needs neither"
        ) from error


ENGINES = {"pisa": open_pisa, "terrier": open_terrier}
