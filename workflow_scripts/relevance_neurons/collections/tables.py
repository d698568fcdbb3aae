"""Bring a dataset of any source into the three tables of a collection."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from relevance_neurons.collections.grades import label_grades, warn_of_ambiguous
from relevance_neurons.collections.ids import Ids
from relevance_neurons.collections.own_documents import (
    mark_own_documents,
    without_own_documents,
)
from relevance_neurons.collections.texts import one_line, rows_of
from relevance_neurons.errors import UserError
from relevance_neurons.running.extras import extra
from relevance_neurons.running.outputs import whole
from relevance_neurons.running.progress import Progress

with extra("retrieval"):
    from ir_datasets.datasets.base import Dataset

# Documents held in memory at a time, and in a row group of the Parquet file.
_CHUNK = 10_000
_DOCUMENTS = pa.schema([("doc_id", pa.string()), ("text", pa.string())])
_QUERIES = {"query_id": pl.String, "text": pl.String}
_QRELS = {"query_id": pl.String, "doc_id": pl.String, "grade": pl.Int64}

logger = logging.getLogger(__name__)


class _Left(NamedTuple):
    """What becomes of rows that cannot be used: counted and left out, or with ``stop`` refused."""

    collection: str
    on_dangling: str

    def out(self, n: int, of: int, what: str, first: object) -> None:
        """Say that ``n`` of ``of`` rows are left out, ``first`` among them."""
        if n and self.on_dangling == "stop":
            raise UserError(
                f"collection {self.collection}: {n} {what}, of {of}; the first: {first!r}; mend "
                "them, or leave them out with on_dangling: drop"
            )
        self.warn(n, f"{what}, of {of}; the first: {first!r}")

    def warn(self, n: int, what: str) -> None:
        """Say that ``n`` rows are left out, whatever ``on_dangling`` is: they came twice."""
        if n:
            # Way out: nothing need be done where so many are known to be there; else mend them:
            # on_dangling: stop names the first that dangles in your own files, with its line.
            logger.warning("%s: left out %d %s", self.collection, n, what)


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
    on_dangling: str = "drop",
) -> None:
    """Write documents, queries and qrels, as Parquet.

    documents: doc_id, text; queries: query_id, text, own_document (``mark_own_documents``, which
    takes ``own_document``); qrels: query_id, doc_id, grade, label, gain (``label_grades``, which
    takes ``relevant``, ``non_relevant`` and ``scale``).

    Documents keep the source's order and stream: of millions, 8 bytes each stay in memory; queries
    are sorted by query_id, qrels by query_id and doc_id. Every text is one line and has a visible
    character. Left out, each with a warning that counts them: documents and queries without text
    and judgments of what is not there (``on_dangling`` "drop"; with "stop", ``UserError``), all but
    the first of an id, all but the last judgment of a pair. Only judged queries are kept. Raises
    ``UserError`` where no document or no judgment of a grade in ``relevant`` is left.
    """
    left = _Left(collection, on_dangling)
    with ExitStack() as stack:
        paths = [stack.enter_context(whole(path)) for path in (documents, queries, qrels)]
        _write_documents(dataset, paths[0], left)
        texts = _read_queries(dataset, left)
        judgments = _with_text(_read_judgments(dataset, left), texts, paths[0], left)
        judgments = label_grades(judgments, relevant, non_relevant, scale)
        texts = texts.join(judgments, on="query_id", how="semi")
        texts = mark_own_documents(texts, judgments, paths[0], own_document, collection)
        judgments = without_own_documents(judgments, texts)
        _check_grades(judgments, collection, relevant, non_relevant)
        texts.join(judgments, on="query_id", how="semi").sort("query_id").write_parquet(paths[1])
        judgments.sort("query_id", "doc_id").write_parquet(paths[2])


def _write_documents(dataset: Dataset, path: Path, left: _Left) -> None:
    ids, read, first_empty = Ids(), 0, None
    n_documents = dataset.docs_count() or None  # 0 where the catalogue does not know
    with (
        pq.ParquetWriter(path, _DOCUMENTS, compression="zstd") as writer,
        Progress(n_documents, f"documents of {left.collection}", "documents") as progress,
    ):
        for chunk in _chunks(dataset.docs_iter()):
            rows = [(doc.doc_id, one_line(_text(doc))) for doc in chunk]
            kept = [(doc_id, text) for doc_id, text in rows if text]
            if first_empty is None and len(kept) < len(rows):
                first_empty = next(doc_id for doc_id, text in rows if not text)
            columns = list(zip(*kept, strict=True)) or [(), ()]
            writer.write_table(pa.table([pa.array(c, pa.string()) for c in columns], _DOCUMENTS))
            for doc_id, _ in kept:
                ids.add(doc_id)
            read += len(rows)
            progress.update(len(rows))
    if not len(ids):
        raise UserError(
            f"collection {left.collection}: none of its {read} documents has text; it needs some"
        )
    left.out(read - len(ids), read, "documents without text", first_empty)
    if len(repeated := ids.repeated()):
        left.warn(_leave_out_repeats(path, repeated), "documents whose id came before")


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


def _read_queries(dataset: Dataset, left: _Left) -> pl.DataFrame:
    rows = [(query.query_id, one_line(_text(query))) for query in dataset.queries_iter()]
    queries = pl.DataFrame(rows, schema=_QUERIES, orient="row").unique(
        "query_id", keep="first", maintain_order=True
    )
    left.warn(len(rows) - len(queries), "queries whose id came before")
    empty = queries.filter(pl.col("text") == "")["query_id"]
    left.out(len(empty), len(queries), "queries without text", empty.first())
    return queries.filter(pl.col("text") != "")


def _read_judgments(dataset: Dataset, left: _Left) -> pl.DataFrame:
    rows = [(row.query_id, row.doc_id, row.relevance) for row in dataset.qrels_iter()]
    judgments = pl.DataFrame(rows, schema=_QRELS, orient="row")
    # The last one counts, as for everybody who evaluates with the dataset's qrels_dict().
    kept = judgments.unique(["query_id", "doc_id"], keep="last", maintain_order=True)
    n_contradicting = len(judgments.unique()) - len(kept)
    left.warn(
        len(judgments) - len(kept),
        f"repeated judgments, {n_contradicting} with another grade than the last"
        if n_contradicting
        else "repeated judgments",
    )
    return kept


def _with_text(
    judgments: pl.DataFrame, queries: pl.DataFrame, documents: Path, left: _Left
) -> pl.DataFrame:
    kept, n_judgments = judgments, len(judgments)
    for name, id_column in (("queries", "query_id"), ("documents", "doc_id")):
        known = queries if name == "queries" else rows_of(documents, "doc_id", kept["doc_id"])
        lost = kept.join(known, on=id_column, how="anti", maintain_order="left")[id_column]
        if len(lost) and len(lost) == len(kept):
            raise UserError(
                f"collection {left.collection}: the judgments ({len(lost)}) are all of {name} that "
                f"are not there or have no text; the first: {lost[0]!r}; write ids alike "
                "everywhere, in qrels as query_id, 0, doc_id, grade"
            )
        left.out(len(lost), n_judgments, f"judgments of {name} that have no text", lost.first())
        kept = kept.join(known, on=id_column, how="semi")
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
            f"grades found: {found}; list those that mean relevant"
        )
    for grade in sorted({*relevant, *non_relevant} - counts.keys()):
        # Way out: nothing need be done where the list is longer on purpose; else list grades that
        # are there.
        logger.warning("%s: no judgment has grade %d; grades found: %s", collection, grade, found)
    warn_of_ambiguous(judgments, collection)
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
