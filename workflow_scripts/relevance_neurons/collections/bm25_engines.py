"""The engines behind BM25, through PyTerrier: PISA (C++) and Terrier (Java)."""

from __future__ import annotations

import itertools
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import polars as pl

from relevance_neurons.collections.words import Analyser
from relevance_neurons.errors import UserError
from relevance_neurons.running.extras import extra

Retriever = Callable[[int], Callable]
"""From a depth to a PyTerrier transformer: queries (qid, query) to (qid, docno, score).

Queries and documents are terms that an ``Analyser`` made, which engines take as they are.
"""


class Feed:
    """The documents as an indexer reads them, numbered from 0; keeps their ids.

    Indexers read in a thread of their own, where an exception would be lost and leave half an
    index: it waits here in ``error``. Numbers stand for the ids, which may hold spaces.
    """

    def __init__(self, chunks: Iterator[pl.DataFrame], analyser: Analyser) -> None:
        self.chunks, self.analyser, self.doc_ids, self.error = chunks, analyser, [], None

    def __iter__(self) -> Iterator[dict[str, str]]:
        number = itertools.count()
        try:
            for chunk in self.chunks:
                self.doc_ids.append(chunk["doc_id"])
                for terms in self.analyser.documents(chunk["text"]):
                    yield {"docno": str(next(number)), "text": terms}
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


def index_pisa(feed: Feed, folder: Path, k1: float, b: float) -> None:
    """Index the documents with PISA, which needs no Java."""
    index = _pisa_index(folder).index(feed)
    if feed.error is None:
        # The first search writes files of its own, for k1 and b, into the folder: here, where no
        # other process is in it yet. PISA takes half a file for a whole one.
        index.bm25(k1, b, num_results=1, query_algorithm="ranked_or").search("any word")


def open_pisa(folder: Path, k1: float, b: float) -> tuple[Retriever, int]:
    """PISA's BM25 over an index, and how many documents are in it."""
    index = _pisa_index(folder)

    # The exhaustive algorithm adds up a document's terms in one fixed order, so that equal texts
    # have equal scores to the last bit. Weighted: a term that a query repeats counts again.
    def retrieve(depth: int) -> Callable:
        return index.bm25(
            k1, b, num_results=depth, query_algorithm="ranked_or", query_weighted=True
        )

    return retrieve, len(index)


def _pisa_index(folder: Path):
    with extra("retrieval"):
        import pyterrier_pisa  # takes most of a second

    return pyterrier_pisa.PisaIndex(str(folder), text_field="text", stemmer="none", stops="none")


def index_terrier(feed: Feed, folder: Path, _k1: float, _b: float) -> None:
    """Index the documents with Terrier, which needs Java and its jars (``UserError`` if not)."""
    pyterrier = _with_java()
    indexer = pyterrier.terrier.IterDictIndexer(str(folder.resolve()), pretokenised=True)
    indexer.index({"docno": one["docno"], "toks": Counter(one["text"].split())} for one in feed)


def open_terrier(folder: Path, k1: float, b: float) -> tuple[Retriever, int]:
    """Terrier's BM25 over an index, and how many documents are in it (``UserError`` as above)."""
    pyterrier = _with_java()
    index = pyterrier.IndexFactory.of(str(folder.resolve()))
    controls = {"bm25.k_1": str(k1), "bm25.b": str(b)}

    def toks(queries):
        counts = [Counter(terms.split()) for terms in queries["query"]]
        return queries.assign(query_toks=counts)[[bool(one) for one in counts]]

    def retrieve(depth: int) -> Callable:
        bm25_retriever = pyterrier.terrier.Retriever(
            index, wmodel="BM25", controls=dict(controls), num_results=depth
        )
        return pyterrier.apply.generic(toks) >> bm25_retriever

    return retrieve, index.getCollectionStatistics().getNumberOfDocuments()


def _with_java():
    """PyTerrier, with Java started."""
    with extra("retrieval"):
        import pyterrier

    if pyterrier.java.started():
        return pyterrier
    try:
        pyterrier.java.init()
    except Exception as error:
        raise UserError(
            f"bm25: engine terrier could not start ({error}); it needs Java, and either the "
            f"network or, in {pyterrier.io.pyterrier_home()} (set by $PYTERRIER_HOME), "
            "terrier-assemblies-<version>-jar-with-dependencies.jar and "
            "terrier-python-helper-<version>.jar from Maven Central; engine pisa needs neither"
        ) from error
    return pyterrier


class Engine(NamedTuple):
    """How to index documents in a folder, and how to open the index: both for given k1 and b."""

    index: Callable[[Feed, Path, float, float], None]
    open: Callable[[Path, float, float], tuple[Retriever, int]]


ENGINES = {
    "pisa": Engine(index_pisa, open_pisa),
    "terrier": Engine(index_terrier, open_terrier),
}
