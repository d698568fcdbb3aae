"""Bring a dataset of any source into the three tables of a collection."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from ir_datasets.datasets.base import Dataset

from relevance_neurons.collections.ids import Ids
from relevance_neurons.collections.labels import label_grades
from relevance_neurons.collections.own_documents import (
    mark_own_documents,
    without_own_documents,
)
from relevance_neurons.collections.texts import rows_of
from relevance_neurons.collections.user_files import one_line
from relevance_neurons.errors import UserError
from relevance_neurons.running.outputs import whole
from relevance_neurons.running.progress import Progress

# Documents held in memory at a time, and in a row group of the Parquet file.
_CHUNK = 10_000
_DOCUMENTS = pa.schema([("doc_id", pa.string()), ("text", pa.string())])
_QUERIES = {"query_id": pl.String, "text": pl.String}
_QRELS = {"query_id": pl.String, "doc_id": pl.String, "grade": pl.Int64}

logger = logging.getLogger(__name__)


def write_collection(
    dataset: Dataset,
    documents: str | Path,
    queries: str | Path,
    qrels: str | Path,
    collection: str,
    relevant: Sequence[int],
    non_relevant: Sequence[int],
    scale: str = "rising",
    own_document: str = "auto",
) -> None:
    """Write documents, queries and qrels, as Parquet.

    documents: doc_id, text; queries: query_id, text, own_document (``mark_own_documents``, which
    takes ``own_document``); qrels: query_id, doc_id, grade, label, gain (``label_grades``, which
    takes ``relevant``, ``non_relevant`` and ``scale``).

    Documents keep the source's order and stream: of millions, 8 bytes each stay in memory; queries
    are sorted by query_id, qrels by query_id and doc_id. Every text is one line and not empty. Left
    out, each with a warning that counts them: documents and queries without text, all but the
    first of an id, judgments of what is not there, all but the last judgment of a pair. Only
    judged queries are kept. Raises ``UserError`` where no document or no judgment of a grade in
    ``relevant`` is left.
    """
    with ExitStack() as stack:
        paths = [stack.enter_context(whole(path)) for path in (documents, queries, qrels)]
        _write_documents(dataset, paths[0], collection)
        texts = _read_queries(dataset, collection)
        judgments = _read_judgments(dataset, collection)
        judgments = _with_text(judgments, texts, paths[0], collection)
        _check_grades(judgments, collection, relevant, non_relevant)
        judgments = label_grades(judgments, relevant, non_relevant, scale)
        texts = mark_own_documents(texts, judgments, paths[0], own_document, collection)
        judgments = without_own_documents(judgments, texts)
        texts.join(judgments, on="query_id", how="semi").sort("query_id").write_parquet(paths[1])
        judgments.sort("query_id", "doc_id").write_parquet(paths[2])


def _write_documents(dataset: Dataset, path: Path, collection: str) -> None:
    ids, read = Ids(), 0
    n_documents = dataset.docs_count() or None  # 0 where the catalogue does not know
    with (
        pq.ParquetWriter(path, _DOCUMENTS, compression="zstd") as writer,
        Progress(n_documents, f"documents of {collection}", "documents") as progress,
    ):
        for chunk in _chunks(dataset.docs_iter()):
            rows = [(doc.doc_id, one_line(_text(doc))) for doc in chunk]
            kept = [(doc_id, text) for doc_id, text in rows if text]
            columns = list(zip(*kept, strict=True)) or [(), ()]
            writer.write_table(pa.table([pa.array(c, pa.string()) for c in columns], _DOCUMENTS))
            for doc_id, _ in kept:
                ids.add(doc_id)
            read += len(rows)
            progress.update(len(rows))
    _warn(read - len(ids), "documents without text", collection)
    if not len(ids):
        raise UserError(f"collection {collection}: none of its {read} documents has text")
    if len(repeated := ids.repeated()):
        _warn(_leave_out_repeats(path, repeated), "documents whose id came before", collection)


def _leave_out_repeats(path: Path, repeated: Ids) -> int:
    """Keep the first document of each id; return how many others there were."""
    seen, left_out = set(), 0
    with whole(path) as kept, pq.ParquetWriter(kept, _DOCUMENTS, compression="zstd") as writer:
        for batch in pq.ParquetFile(path).iter_batches(_CHUNK):
            first = []
            for doc_id in batch["doc_id"].to_pylist():
                first.append(doc_id not in seen)
                if doc_id in repeated:
                    seen.add(doc_id)
            writer.write_batch(batch.filter(pa.array(first)))
            left_out += first.count(False)
    return left_out


def _read_queries(dataset: Dataset, collection: str) -> pl.DataFrame:
    rows = [(query.query_id, one_line(_text(query))) for query in dataset.queries_iter()]
    queries = pl.DataFrame(rows, schema=_QUERIES, orient="row").unique(
        "query_id", keep="first", maintain_order=True
    )
    _warn(len(rows) - len(queries), "queries whose id came before", collection)
    kept = queries.filter(pl.col("text") != "")
    _warn(len(queries) - len(kept), "queries without text", collection)
    return kept


def _read_judgments(dataset: Dataset, collection: str) -> pl.DataFrame:
    rows = [(row.query_id, row.doc_id, row.relevance) for row in dataset.qrels_iter()]
    judgments = pl.DataFrame(rows, schema=_QRELS, orient="row")
    # The last one counts, as for everybody who evaluates with the dataset's qrels_dict().
    kept = judgments.unique(["query_id", "doc_id"], keep="last", maintain_order=True)
    _warn(len(judgments) - len(kept), "repeated judgments", collection)
    return kept


def _with_text(
    judgments: pl.DataFrame, queries: pl.DataFrame, documents: Path, collection: str
) -> pl.DataFrame:
    of_queries = judgments.join(queries, on="query_id", how="semi")
    _warn(len(judgments) - len(of_queries), "judgments of queries that have no text", collection)
    known = rows_of(documents, "doc_id", of_queries["doc_id"], "doc_id")
    kept = of_queries.join(known, on="doc_id", how="semi")
    _warn(len(of_queries) - len(kept), "judgments of documents that have no text", collection)
    return kept


def _check_grades(
    judgments: pl.DataFrame,
    collection: str,
    relevant: Sequence[int],
    non_relevant: Sequence[int],
) -> None:
    counts = dict(judgments.group_by("grade").len().sort("grade").iter_rows())
    found = ", ".join(f"{grade} ({n} judgments)" for grade, n in counts.items()) or "none"
    if not counts.keys() & set(relevant):
        raise UserError(
            f"collection {collection}: no judgment has a grade of `relevant: {list(relevant)}`; "
            f"grades found: {found}"
        )
    for grade in sorted({*relevant, *non_relevant} - counts.keys()):
        logger.warning("%s: no judgment has grade %d; grades found: %s", collection, grade, found)
    logger.info("%s: grades found: %s", collection, found)


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    rows = iter(rows)
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _text(record: Any) -> str:
    # A few classes of ir_datasets lack default_text(): of these, most have a field `text`.
    if hasattr(record, "default_text"):
        return record.default_text() or ""
    if hasattr(record, "text"):
        return record.text or ""
    raise UserError(f"ir_datasets: {type(record).__name__} has no text; choose another dataset")


def _warn(n: int, what: str, collection: str) -> None:
    if n:
        logger.warning("%s: left out %d %s", collection, n, what)
