"""The user's own documents, queries and judgments: read as a stream, checked line by line.

Texts are .tsv (id, tab, text; no header), .csv (with a header) or .jsonl, judgments are TREC
qrels (query_id iteration doc_id grade) or BEIR's (query-id corpus-id score, under this header);
each may be gzipped (.gz), all are UTF-8. Whatever is wrong raises ``UserError`` with the file and
the line. Of the ids, 8 bytes each are kept in memory.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from relevance_neurons.errors import UserError
from relevance_neurons.ids import Ids

# The names under which a .csv or .jsonl file may hold the id; the first that is there counts.
ID_NAMES = {"document": ("doc_id", "id", "_id"), "query": ("query_id", "id", "_id")}
_PLURAL = {"document": "documents", "query": "queries"}
_TREC_COLUMNS = ("query_id", "iteration", "doc_id", "grade")
_BEIR_COLUMNS = ("query-id", "corpus-id", "score")
# Nine digits fit any integer column, and no collection grades higher.
_GRADE = re.compile(r"-?[0-9]{1,9}")
# Beyond this, a quote that was never closed is likelier than a text.
_LONGEST_CSV_FIELD = 10_000_000
# JSON can spell half of a surrogate pair, which is no character: no UTF-8 file can hold it.
_SURROGATE = re.compile("[\ud800-\udfff]")


class Row(NamedTuple):
    """One text as it stands in the file: the line it starts on, its id and its text."""

    line: int
    id: str
    text: str


def read_texts(path: str | Path, kind: str, seen: Ids) -> Iterator[tuple[str, str]]:
    """Yield (id, text on one line) of every ``kind`` ("document" or "query") in ``path``.

    ``seen``, empty, is filled with the ids. Raises ``UserError`` at the first line that is not
    allowed: wrong form, empty id, white space in an id (TREC qrels could not name it), no text; at
    the end for an id that is there twice; and where the file is missing, empty or of an unknown
    extension.
    """
    path = Path(path)
    for row in _rows(path, kind):
        if row.id.split() != [row.id]:
            raise _error(path, row.line, f"the {kind} id {_show(row.id)} is empty or holds space")
        text = one_line(row.text)
        if not text:
            raise _error(
                path, row.line, f"{kind} {_show(row.id)} has no text; every one needs some"
            )
        seen.add(row.id)
        yield row.id, text
    if not len(seen):
        raise UserError(f"{path}: empty; at least one {kind} is needed")
    if len(repeated := seen.repeated()):
        _refuse_repeats(path, kind, repeated)


def read_judgments(
    path: str | Path, query_ids: Container[str], doc_ids: Container[str]
) -> Iterator[tuple[str, str, int]]:
    """Yield (query_id, doc_id, grade) of every line of a TREC qrels file, or of one in BEIR's form.

    Raises ``UserError`` for a line that has not four columns (three under BEIR's header), a grade
    that is no integer, a query or document that is not among ``query_ids`` or ``doc_ids``, and a
    pair that was judged before.
    """
    path, seen = Path(path), set()
    for line, (query_id, doc_id, grade) in _judgments(path):
        if not _GRADE.fullmatch(grade):
            raise _error(path, line, f"the grade {_show(grade)} is no integer of up to 9 digits")
        for kind, id_, known in (("query", query_id, query_ids), ("document", doc_id, doc_ids)):
            if id_ not in known:
                raise _error(path, line, f"{kind} {_show(id_)} is not among the {_PLURAL[kind]}")
        if (query_id, doc_id) in seen:
            raise _judged_twice(path, line, query_id, doc_id, grade)
        seen.add((query_id, doc_id))
        yield query_id, doc_id, int(grade)
    if not seen:
        raise UserError(f"{path}: empty; at least one judgment is needed")


def one_line(text: str) -> str:
    """``text`` with every run of white space (line ends too) as one space, none at the ends."""
    return " ".join(text.split())


def count_lines(path: str | Path) -> int:
    """Lines of a text file, plain or gzipped, blank ones too: the most texts it can hold."""
    path = Path(path)
    with _open(path) as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b"")) + 1


def _judgments(path: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    names = None
    for number, line in _lines(path):
        columns = tuple(line.split())
        if not columns:
            continue
        if names is None:
            names = _BEIR_COLUMNS if columns == _BEIR_COLUMNS else _TREC_COLUMNS
            if names is _BEIR_COLUMNS:
                continue
        if len(columns) != len(names):
            raise _error(
                path,
                number,
                f"{len(columns)} columns; {len(names)} are allowed: {' '.join(names)}"
                + ("" if names is _BEIR_COLUMNS else f" (or the header {' '.join(_BEIR_COLUMNS)})"),
            )
        yield number, (columns[0], *columns[-2:])


def _refuse_repeats(path: Path, kind: str, repeated: Ids) -> None:
    lines: dict[str, int] = {}
    for row in _rows(path, kind):
        if row.id in repeated and lines.setdefault(row.id, row.line) != row.line:
            raise _error(
                path,
                row.line,
                f"the {kind} id {_show(row.id)} is there already, on line {lines[row.id]}",
            )


def _judged_twice(path: Path, line: int, query_id: str, doc_id: str, grade: str) -> UserError:
    first, columns = next(
        (number, columns)
        for number, columns in _judgments(path)
        if columns[:2] == (query_id, doc_id)
    )
    return _error(
        path,
        line,
        f"query {_show(query_id)} and document {_show(doc_id)} are judged already, on line {first} "
        f"(grade {columns[2]} there, {grade} here); keep one of the two lines",
    )


def _rows(path: Path, kind: str) -> Iterator[Row]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    suffix = next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")
    if suffix not in _READERS:
        raise UserError(
            f"{path}: extension {suffix!r} is unknown; .tsv, .csv and .jsonl are allowed, "
            "each also with .gz"
        )
    return _READERS[suffix](path, kind)


def _tsv_rows(path: Path, kind: str) -> Iterator[Row]:
    for number, line in _lines(path):
        columns = line.rstrip("\r\n").split("\t")
        if columns == [""]:
            continue
        if len(columns) != 2:
            raise _error(
                path,
                number,
                f"{len(columns)} columns; 2 are allowed: the {kind} id, one tab, the text",
            )
        if number == 1 and columns[0] in ID_NAMES[kind]:
            raise _error(
                path, number, "looks like a header; a .tsv file has none (a .csv file has)"
            )
        yield Row(number, *columns)


def _csv_rows(path: Path, kind: str) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CSV_FIELD)
    reader = csv.reader((line for _, line in _lines(path)), strict=True)
    start, header = 1, None
    try:
        for columns in reader:
            if header is None:
                header = [name.strip().lower() for name in columns]
                _id_name(path, start, header, kind)
            elif columns:
                if len(columns) != len(header):
                    raise _error(
                        path, start, f"{len(columns)} columns; the header has {len(header)}"
                    )
                yield _row(path, start, dict(zip(header, columns, strict=True)), kind)
            start = reader.line_num + 1
    except csv.Error as error:
        raise _error(path, start, f"not CSV ({error}); is a quote left open?") from error


def _jsonl_rows(path: Path, kind: str) -> Iterator[Row]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _error(path, number, f"not JSON ({error}); one object a line") from error
        if not isinstance(record, dict):
            raise _error(path, number, f"a {type(record).__name__}; one JSON object a line")
        yield _row(path, number, record, kind)


_READERS: dict[str, Callable[[Path, str], Iterator[Row]]] = {
    ".tsv": _tsv_rows,
    ".csv": _csv_rows,
    ".jsonl": _jsonl_rows,
}


def _row(path: Path, line: int, record: Mapping[str, Any], kind: str) -> Row:
    id_ = record[_id_name(path, line, record, kind)]
    if type(id_) is int:
        id_ = str(id_)
    title = "" if record.get("title") is None else record["title"]
    for name, value in (("id", id_), ("title", title), ("text", record["text"])):
        if not isinstance(value, str):
            raise _error(path, line, f"the {name} is {_show(value)}; a string is allowed")
        if not value.isascii() and _SURROGATE.search(value):
            raise _error(path, line, f"the {name} holds a lone surrogate, which is no character")
    return Row(line, id_, f"{title} {record['text']}")


def _id_name(path: Path, line: int, names: Collection[str], kind: str) -> str:
    id_name = next((name for name in ID_NAMES[kind] if name in names), None)
    if id_name is None or "text" not in names:
        raise _error(
            path,
            line,
            f"found {', '.join(map(_show, names)) or 'nothing'}; needed are 'text' and one of "
            f"{', '.join(map(repr, ID_NAMES[kind]))} ('title' is put before the text)",
        )
    return id_name


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers (from 1) and lines, with their ends; a byte order mark is dropped."""
    with _open(path) as stream:
        for number, raw in enumerate(stream, 1):
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                skipped = len(raw) - len(error.object)
                raise _error(
                    path,
                    number,
                    f"byte {skipped + error.start + 1} of the line "
                    f"(0x{error.object[error.start]:02x}) is not UTF-8; save the file as UTF-8",
                ) from error


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as stream:
            yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a whole gzip file ({error})") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error


def _error(path: Path, line: int, message: str) -> UserError:
    return UserError(f"{path}, line {line}: {message}")


def _show(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
