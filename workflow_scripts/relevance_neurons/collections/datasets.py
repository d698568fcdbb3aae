"""Files of the user's own and frames, as the parts of an ir_datasets dataset."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from relevance_neurons.collections.ids import Ids
from relevance_neurons.collections.lines import count_lines
from relevance_neurons.collections.user_files import read_judgments, read_texts
from relevance_neurons.running.extras import extra

with extra("retrieval"):
    from ir_datasets.formats import (
        BaseDocs,
        BaseQrels,
        BaseQueries,
        GenericDoc,
        GenericQrel,
        GenericQuery,
    )


class FileDocs(BaseDocs):
    """Documents of a .tsv, .csv or .jsonl file, checked while they are read.

    The formats of ir_datasets are not used: they check little, read in the machine's own
    encoding, and serve an old copy of the documents once ``docs_store()`` has written one.
    """

    def __init__(self, path: str | Path, strict: bool = False) -> None:
        self._path, self._strict = Path(path), strict
        self._ids: Ids | None = None

    def docs_iter(self) -> Iterator[GenericDoc]:
        """Yield the documents in the order of the file."""
        seen = Ids()
        for doc_id, text in read_texts(self._path, "document", seen, self._strict):
            yield GenericDoc(doc_id, text)
        self._ids = seen

    def docs_count(self) -> int:
        """The most documents that the file can hold: its lines."""
        return count_lines(self._path)

    def docs_path(self, force: bool = True) -> Path:
        """The file."""
        return self._path

    def read_ids(self) -> Ids:
        """The ids of all documents, from the last whole reading or a new one."""
        if self._ids is None:
            deque(self.docs_iter(), maxlen=0)
        return self._ids


class FileQueries(BaseQueries):
    """Queries of a .tsv, .csv or .jsonl file, checked while they are read."""

    def __init__(self, path: str | Path, strict: bool = False) -> None:
        self._path, self._strict = Path(path), strict

    def queries_iter(self) -> Iterator[GenericQuery]:
        """Yield the queries in the order of the file."""
        for query in read_texts(self._path, "query", Ids(), self._strict):
            yield GenericQuery(*query)

    def queries_path(self) -> Path:
        """The file."""
        return self._path

    def read_ids(self) -> Ids:
        """The ids of all queries."""
        seen = Ids()
        deque(read_texts(self._path, "query", seen, self._strict), maxlen=0)
        return seen


class FileQrels(BaseQrels):
    """Judgments of a TREC qrels file, checked against texts where these are given."""

    def __init__(self, path: str | Path, texts: tuple[FileQueries, FileDocs] | None = None) -> None:
        self._path, self._texts = Path(path), texts

    def qrels_iter(self) -> Iterator[GenericQrel]:
        """Yield the judgments in the order of the file."""
        known = ()
        if self._texts:
            queries, documents = self._texts
            known = (queries.read_ids(), documents.read_ids())
        return map(GenericQrel._make, read_judgments(self._path, *known))

    def qrels_defs(self) -> dict[int, str]:
        """The meaning of the grades, which the user's file does not tell."""
        return {}

    def qrels_path(self) -> Path:
        """The file."""
        return self._path


class FrameDocs(BaseDocs):
    """Documents of a frame (doc_id, text)."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame.select("doc_id", "text")

    def docs_iter(self) -> Iterator[GenericDoc]:
        """Yield the documents in the order of the frame."""
        return map(GenericDoc._make, self._frame.iter_rows())

    def docs_count(self) -> int:
        """Number of documents."""
        return len(self._frame)


class FrameQueries(BaseQueries):
    """Queries of a frame (query_id, text)."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame.select("query_id", "text")

    def queries_iter(self) -> Iterator[GenericQuery]:
        """Yield the queries in the order of the frame."""
        return map(GenericQuery._make, self._frame.iter_rows())


class FrameQrels(BaseQrels):
    """Judgments of a frame (query_id, doc_id, grade)."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame.select("query_id", "doc_id", "grade")

    def qrels_iter(self) -> Iterator[GenericQrel]:
        """Yield the judgments in the order of the frame."""
        return map(GenericQrel._make, self._frame.iter_rows())

    def qrels_defs(self) -> dict[int, str]:
        """The meaning of the grades."""
        return {1: "the rest of the same documentation string", 0: "of another one"}
