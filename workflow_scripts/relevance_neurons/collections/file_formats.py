"""Rows of .tsv, .csv and .jsonl files, with the place where each stands.

All are UTF-8, each may be gzipped (.gz). Whatever is wrong raises ``UserError`` with the file and
the line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from relevance_neurons.collections.lines import (
    check_characters,
    json_objects,
    line_error,
    read_lines,
    show,
)
from relevance_neurons.errors import UserError

# The names under which a .csv or .jsonl file may hold the id; the first that is there counts.
ID_NAMES = {"document": ("doc_id", "id", "_id"), "query": ("query_id", "id", "_id")}
# What others call the two, in small letters without "_", "-" and spaces: a .tsv file that begins
# with one of them begins with a header.
_ID_WORDS = set("docid docno documentid pid passageid corpusid qid queryid topicid".split())
_TEXT_WORDS = set(
    "text texts query queries question passage document body content contents title abstract "
    "sentence segment".split()
)
# Beyond this, a quote that was never closed is likelier than a text.
_LONGEST_CSV_FIELD = 10_000_000
_JSON_IDS = {name for names in ID_NAMES.values() for name in names}


class Row(NamedTuple):
    """One text as it stands in the file: the line it starts on, its id and its text."""

    line: int
    id: str
    text: str


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
    first = True
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
        if first and _is_header(*columns):
            raise line_error(
                path,
                number,
                f"looks like a header ({', '.join(map(show, columns))}); a .tsv file has none: "
                "take this line out (a .csv file has one)",
            )
        first = False
        yield Row(number, *columns)


def _is_header(id_: str, text: str) -> bool:
    id_word, text_word = (re.sub(r"[\W_]", "", column.lower()) for column in (id_, text))
    names = id_ in _JSON_IDS or id_word in _ID_WORDS
    # A word that may also be an id ("number", "name") is known by the word beside it.
    return names or (text_word in _TEXT_WORDS and not re.search(r"\d", id_))


def _csv_rows(path: Path, kind: str) -> Iterator[Row]:
    header = None
    for start, columns in csv_columns(path):
        if header is None:
            header = [name.strip().lower() for name in columns]
            _check_header(path, start, header, kind)
        elif len(columns) != len(header):
            raise line_error(
                path,
                start,
                f"{len(columns)} columns; the header has {len(header)}: a text with commas "
                "needs quotes",
            )
        else:
            yield _row(path, start, dict(zip(header, columns, strict=True)), kind)


def csv_columns(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each record of a .csv file starts, and its columns; no blank ones."""
    csv.field_size_limit(_LONGEST_CSV_FIELD)
    reader = csv.reader((line for _, line in read_lines(path)), strict=True)
    start = 1
    try:
        for columns in reader:
            if columns:
                yield start, columns
            start = reader.line_num + 1
    except csv.Error as error:
        raise line_error(path, start, f"not CSV ({error}); is a quote left open?") from error


def _check_header(path: Path, line: int, header: list[str], kind: str) -> None:
    if len(header) == 1 and (found := re.search(r"[;\t|]", header[0])):
        raise line_error(
            path,
            line,
            f"columns are separated by {found[0]!r}; commas are needed in a .csv file (a .tsv "
            "file has tabs, and no header)",
        )
    for name in ("text", "title", *ID_NAMES[kind]):
        if header.count(name) > 1:
            raise line_error(path, line, f"two columns are called {name!r}; keep one of the two")
    _id_name(path, line, header, kind)


def _jsonl_rows(path: Path, kind: str) -> Iterator[Row]:
    for number, record in json_objects(path):
        # Some writers leave empty fields out.
        if record.keys() & _JSON_IDS and record.keys() <= _JSON_IDS | {"title", "metadata"}:
            record["text"] = ""
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
    title, text = ("" if record.get(key) is None else record[key] for key in ("title", "text"))
    for name, value in (("id", id_), ("title", title), ("text", text)):
        if not isinstance(value, str):
            raise line_error(path, line, f"the {name} is {show(value)}; a string is allowed")
        check_characters(path, line, name, value)
    return Row(line, id_, f"{title} {text}")


def _id_name(path: Path, line: int, names: Collection[str], kind: str) -> str:
    id_name = next((name for name in ID_NAMES[kind] if name in names), None)
    if id_name is None or "text" not in names:
        raise line_error(
            path,
            line,
            f"found {', '.join(map(show, names)) or 'nothing'}; needed are 'text' and one of "
            f"{', '.join(map(repr, ID_NAMES[kind]))} ('title' is put before the text)"
            f"{_renaming(names, kind, id_name)}",
        )
    return id_name


def _renaming(names: Collection[str], kind: str, id_name: str | None) -> str:
    """What to write for names that others use."""
    wanted = {} if id_name else {ID_NAMES[kind][0]: _ID_WORDS | {"id"}}
    wanted |= {} if "text" in names else {"text": _TEXT_WORDS - {"title"}}
    found = (
        (right, name)
        for right, words in wanted.items()
        for name in names
        if re.sub(r"[\W_]", "", name.lower()) in words
    )
    renamed = ", ".join(f"{right!r} for {show(name)}" for right, name in dict(found).items())
    return f": write {renamed}" if renamed else ""
