"""Lines of text files, and rows of .tsv, .csv and .jsonl files, with the place where each stands.

All are UTF-8, each may be gzipped (.gz). Whatever is wrong raises ``UserError`` with the file and
the line.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from relevance_neurons.errors import UserError

# The names under which a .csv or .jsonl file may hold the id; the first that is there counts.
ID_NAMES = {"document": ("doc_id", "id", "_id"), "query": ("query_id", "id", "_id")}
# Beyond this, a quote that was never closed is likelier than a text.
_LONGEST_CSV_FIELD = 10_000_000
# JSON can spell half of a surrogate pair, which is no character: no UTF-8 file can hold it.
_SURROGATE = re.compile("[\ud800-\udfff]")


class Row(NamedTuple):
    """One text as it stands in the file: the line it starts on, its id and its text."""

    line: int
    id: str
    text: str


def count_lines(path: str | Path) -> int:
    """Lines of a text file, plain or gzipped, blank ones too: the most texts it can hold."""
    path = Path(path)
    with _open(path) as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b"")) + 1


def read_rows(path: Path, kind: str) -> Iterator[Row]:
    """Yield the texts of a .tsv, .csv or .jsonl file of ``kind`` ("document" or "query")."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    suffix = next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")
    if suffix not in _READERS:
        raise UserError(
            f"{path}: extension {suffix!r} is unknown; .tsv, .csv and .jsonl are allowed, "
            "each also with .gz"
        )
    return _READERS[suffix](path, kind)


def _tsv_rows(path: Path, kind: str) -> Iterator[Row]:
    for number, line in read_lines(path):
        columns = line.rstrip("\r\n").split("\t")
        if columns == [""]:
            continue
        if len(columns) != 2:
            raise line_error(
                path,
                number,
                f"{len(columns)} columns; 2 are allowed: the {kind} id, one tab, the text",
            )
        if number == 1 and columns[0] in ID_NAMES[kind]:
            raise line_error(
                path, number, "looks like a header; a .tsv file has none (a .csv file has)"
            )
        yield Row(number, *columns)


def _csv_rows(path: Path, kind: str) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CSV_FIELD)
    reader = csv.reader((line for _, line in read_lines(path)), strict=True)
    start, header = 1, None
    try:
        for columns in reader:
            if header is None:
                header = [name.strip().lower() for name in columns]
                _id_name(path, start, header, kind)
            elif columns:
                if len(columns) != len(header):
                    raise line_error(
                        path, start, f"{len(columns)} columns; the header has {len(header)}"
                    )
                yield _row(path, start, dict(zip(header, columns, strict=True)), kind)
            start = reader.line_num + 1
    except csv.Error as error:
        raise line_error(path, start, f"not CSV ({error}); is a quote left open?") from error


def _jsonl_rows(path: Path, kind: str) -> Iterator[Row]:
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise line_error(path, number, f"not JSON ({error}); one object a line") from error
        if not isinstance(record, dict):
            raise line_error(path, number, f"a {type(record).__name__}; one JSON object a line")
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
            raise line_error(path, line, f"the {name} is {show(value)}; a string is allowed")
        if not value.isascii() and _SURROGATE.search(value):
            raise line_error(
                path, line, f"the {name} holds a lone surrogate, which is no character"
            )
    return Row(line, id_, f"{title} {record['text']}")


def _id_name(path: Path, line: int, names: Collection[str], kind: str) -> str:
    id_name = next((name for name in ID_NAMES[kind] if name in names), None)
    if id_name is None or "text" not in names:
        raise line_error(
            path,
            line,
            f"found {', '.join(map(show, names)) or 'nothing'}; needed are 'text' and one of "
            f"{', '.join(map(repr, ID_NAMES[kind]))} ('title' is put before the text)",
        )
    return id_name


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers (from 1) and lines, with their ends; a byte order mark is dropped."""
    with _open(path) as stream:
        for number, raw in enumerate(stream, 1):
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                skipped = len(raw) - len(error.object)
                raise line_error(
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


def line_error(path: Path, line: int, message: str) -> UserError:
    """The error that names a line of a file."""
    return UserError(f"{path}, line {line}: {message}")


def show(value: object) -> str:
    """``value`` as a message quotes it, cut at 60 characters."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
