"""First-stage retrieval: BM25 by PyTerrier, and samples of the queries that are asked."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from relevance_neurons.collections.bm25_engines import ENGINES, Feed, Retriever, quiet
from relevance_neurons.collections.grades import with_labels
from relevance_neurons.collections.own_documents import without_own_documents
from relevance_neurons.collections.words import Analyser, foreign_share, has_word
from relevance_neurons.errors import UserError

logger = logging.getLogger(__name__)

# Rows of one call to an engine: bounds the memory of its result buffers.
_ROWS_PER_SEARCH = 2_000_000
# Documents that are cut into words at a time.
_CHUNK = 10_000
# Beyond this share of its words, a collection that is called English is likelier not.
_FOREIGN = 0.1


@dataclass(frozen=True)
class Bm25:
    """BM25 and its settings.

    The engine ("pisa", or "terrier", which needs Java), k1, b, and the language whose stems and
    stop words count (``Analyser``).
    """

    engine: str = "pisa"
    k1: float = 0.9
    b: float = 0.4
    language: str = "english"

    @cached_property
    def analyser(self) -> Analyser:
        """What makes terms of texts."""
        return Analyser(self.language)

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise UserError(
                f"bm25: engine {self.engine!r} was found; allowed: {', '.join(ENGINES)}"
            )


@dataclass(frozen=True)
class Bm25Index:
    """An index on disk, and the ids of its documents in the order in which it counts them."""

    doc_ids: pl.Series
    retrieve: Retriever
    analyser: Analyser
    name = "bm25"

    def search(self, queries: pl.DataFrame, k: int) -> pl.DataFrame:
        """The ``k`` best documents of each query (query_id, text); fewer where fewer match.

        Returns query_id, doc_id, bm25_rank (from 1), bm25_score, sorted by query_id and rank.
        Equal scores rank by doc_id, at the last place too: a query whose last places tie is
        searched deeper until the tie is seen whole. A query without a word of the index (all
        stop words, say) has no rows. A query that is itself among the documents (a column
        ``own_document`` says so, see ``mark_own_documents``) does not find itself. Raises
        ``UserError`` for a query without text.
        """
        run = self._search(queries, k + 1 if "own_document" in queries.columns else k)
        return ranked(without_own_documents(run, queries), "bm25").filter(pl.col("bm25_rank") <= k)

    def _search(self, queries: pl.DataFrame, k: int) -> pl.DataFrame:
        """query_id, doc_id, bm25_score of the ``k`` best, and more where the last ones tie."""
        _check_texts(queries, "query_id")
        runs, depth = [self._top(queries.clear(), k)], k + 1
        while len(queries):
            run = self._top(queries, depth)
            tied = _tied_at_the_end(run, k, depth) if depth < len(self.doc_ids) else []
            runs.append(run.filter(~pl.col("query_id").is_in(tied)))
            queries = queries.filter(pl.col("query_id").is_in(tied))
            depth *= 2
        return pl.concat(runs)

    def _top(self, queries: pl.DataFrame, depth: int) -> pl.DataFrame:
        depth = min(depth, len(self.doc_ids))
        schema = {"query_id": pl.String, "position": pl.Int64, "bm25_score": pl.Float64}
        runs = [pl.DataFrame(schema=schema)]
        for batch in queries.iter_slices(max(1, _ROWS_PER_SEARCH // depth)):
            asked = batch.select(qid="query_id", query=self.analyser.queries(batch["text"]))
            with quiet():
                found = self.retrieve(depth)(asked.to_pandas())
            columns = (found["qid"].tolist(), found["docno"].astype(int), found["score"])
            runs.append(pl.DataFrame(dict(zip(schema, columns, strict=True)), schema=schema))
        run = pl.concat(runs)
        return run.select("query_id", "bm25_score", doc_id=self.doc_ids.gather(run["position"]))


def build_index(
    documents: pl.DataFrame | Iterable[pl.DataFrame] | Path, folder: str | Path, bm25: Bm25
) -> Bm25Index:
    """Index ``documents`` (doc_id, text) in a new ``folder``.

    Documents are one frame, or stream: frames in turn, or the path of a Parquet file. Their words
    are those of ``Analyser``. Raises ``UserError`` that names the document for a text that
    is null and for an id that comes twice, and when no document has a word.
    """
    checked = _from_first_word(map(_checked_documents, _chunks(documents)), bm25.language)
    feed = Feed(checked, bm25.analyser)
    folder = Path(folder)
    if folder.exists():
        raise UserError(f"{folder}: the index folder exists already; give a new one")
    with quiet():
        ENGINES[bm25.engine].index(feed, folder, bm25.k1, bm25.b)
    if feed.error is not None:
        raise feed.error
    doc_ids = pl.concat(feed.doc_ids)
    _check_unique(doc_ids)
    return open_index(doc_ids, folder, bm25)


def open_index(documents: pl.Series | Path, folder: str | Path, bm25: Bm25) -> Bm25Index:
    """The index in ``folder`` that ``build_index`` made of ``documents`` with the same settings.

    Nothing is written there: several processes may search at once.
    ``documents`` are their ids, or the path of the Parquet file that they stand in. Raises
    ``UserError`` where the index is of another number of documents.
    """
    if isinstance(documents, Path):
        documents = pl.read_parquet(documents, columns=["doc_id"])["doc_id"]
    with quiet():
        retrieve, n_indexed = ENGINES[bm25.engine].open(Path(folder), bm25.k1, bm25.b)
    if n_indexed != len(documents):
        raise UserError(
            f"{folder}: {bm25.engine} has indexed {n_indexed} of {len(documents)} documents; "
            "remove the folder, and the index is made anew"
        )
    return Bm25Index(documents, retrieve, bm25.analyser)


def ranked(run: pl.DataFrame, name: str) -> pl.DataFrame:
    """query_id, doc_id, {name}_rank (from 1), {name}_score, sorted by query_id and rank.

    From ``run`` (query_id, doc_id, {name}_score), where equal scores rank by doc_id.
    """
    rank, score = f"{name}_rank", f"{name}_score"
    return (
        run.sort("query_id", score, "doc_id", descending=(False, True, False))
        .with_columns(pl.int_range(1, pl.len() + 1).over("query_id").alias(rank))
        .select("query_id", "doc_id", rank, score)
    )


def sample_queries(queries: pl.DataFrame, n: int | None, seed: int) -> pl.DataFrame:
    """A seeded sample of ``n`` queries (None: all), whatever their order; sorted by query_id."""
    queries = queries.sort("query_id")
    if n is None or n >= len(queries):
        return queries
    picked = np.random.default_rng(seed).choice(len(queries), size=n, replace=False)
    return queries[np.sort(picked)]


def evaluated_queries(
    queries: pl.DataFrame, qrels: pl.DataFrame, n: int | None, seed: int
) -> pl.DataFrame:
    """A seeded sample of ``n`` of the queries with a relevant passage; sorted by query_id."""
    relevant = with_labels(qrels).filter(pl.col("label") == "relevant")
    judged = queries.join(relevant, on="query_id", how="semi")
    return sample_queries(judged, n, seed)


def _tied_at_the_end(run: pl.DataFrame, k: int, depth: int) -> list[str]:
    """Queries whose k-th score is also the last one that was seen of ``depth``."""
    scores = pl.col("bm25_score").sort(descending=True)
    ends = run.group_by("query_id").agg(
        n=pl.len(), kth=scores.get(k - 1, null_on_oob=True), last=scores.last()
    )
    full = (pl.col("n") == depth) & (pl.col("kth") == pl.col("last"))
    return ends.filter(full)["query_id"].to_list()


def _chunks(
    documents: pl.DataFrame | Iterable[pl.DataFrame] | Path,
) -> Iterator[pl.DataFrame]:
    if isinstance(documents, Path):
        batches = pq.ParquetFile(documents).iter_batches(_CHUNK, columns=["doc_id", "text"])
        return map(pl.from_arrow, batches)
    return iter([documents] if isinstance(documents, pl.DataFrame) else documents)


def _from_first_word(chunks: Iterator[pl.DataFrame], language: str) -> Iterator[pl.DataFrame]:
    """The same chunks, read up to the first word: PISA aborts the process where none comes."""
    held = []
    for chunk in chunks:
        held.append(chunk)
        if has_word(chunk["text"]):
            _warn_of_another_language(chunk["text"], language)
            return itertools.chain(held, chunks)
    raise UserError("no document has a word: BM25 has nothing to index; give documents with text")


def _warn_of_another_language(texts: pl.Series, language: str) -> None:
    if language != "english":
        return
    share = foreign_share(texts)
    if share > _FOREIGN:
        logger.warning(
            "%.0f %% of the first documents' words hold letters that English lacks; if they are of "
            "another language, name it (collections.<name>.language), or none for no stemming",
            100 * share,
        )


def _checked_documents(chunk: pl.DataFrame) -> pl.DataFrame:
    _check_texts(chunk, "doc_id")
    return chunk


def _check_texts(frame: pl.DataFrame, id_column: str) -> None:
    bad = frame.filter(pl.col("text").is_null() | pl.col(id_column).is_null())
    if len(bad):
        raise UserError(f"{id_column} {bad[id_column][0]!r} has no text; give it one")


def _check_unique(doc_ids: pl.Series) -> None:
    if doc_ids.n_unique() < len(doc_ids):
        twice = doc_ids.filter(doc_ids.is_duplicated())
        raise UserError(
            f"doc_id {twice.min()!r} comes twice; every document needs an id of its own"
        )
