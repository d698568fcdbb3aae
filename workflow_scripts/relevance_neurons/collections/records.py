"""Records of .tsv, .csv and .jsonl files whose first line, or whose keys, name the columns.

All are UTF-8, each may be gzipped (.gz). Whatever is wrong raises ``UserError`` with the file and
the line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from relevance_neurons.collections.file_formats import csv_columns
from relevance_neurons.collections.lines import (
    check_characters,
    json_objects,
    line_error,
    read_lines,
    show,
)
from relevance_neurons.errors import UserError

Record = tuple[int, dict[str, Any]]
"""The line that it starts on, and its values by the names of their columns."""

_SEPARATORS = {".tsv": "\t", ".csv": ","}


def read_records(path: str | Path, needed: Collection[str]) -> Iterator[Record]:
    """Yield the records of a .tsv or .csv file with a header, or of a .jsonl file.

    Names of columns count in small letters, without space at their ends; values are texts, in
    .jsonl what JSON says. Raises ``UserError`` for a column of ``needed`` that is missing, one that
    is there twice, a line with more or fewer columns than the header, and a file without a record.
    """
    path = Path(path)
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in (*_SEPARATORS, ".jsonl"):
        raise UserError(
            f"{path}: extension {suffix!r} is unknown; .tsv and .csv (with a header) and .jsonl "
            "are allowed, each also with .gz"
        )
    is_empty = True
    is_json = suffix == ".jsonl"
    found = _of_json(path, needed) if is_json else _of_table(path, _SEPARATORS[suffix], needed)
    for line, record in found:
        yield line, record
        is_empty = False
    if is_empty:
        raise UserError(f"{path}: empty; at least one line with {', '.join(needed)} is needed")


def _of_table(path: Path, separator: str, needed: Collection[str]) -> Iterator[Record]:
    header, start = None, 1
    for line, columns in _parted(path, separator):
        if header is None:
            header, start = [name.strip().lower() for name in columns], line
            _check_names(path, start, header, needed)
        elif len(columns) != len(header):
            hint = "a text with commas needs quotes" if separator == "," else "tabs between them"
            raise line_error(
                path, line, f"{len(columns)} columns; the header has {len(header)}: {hint}"
            )
        else:
            yield line, dict(zip(header, columns, strict=True))


def _parted(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not blank, in columns; quotes mean something in a .csv file alone."""
    if separator == "\t":
        for line, text in read_lines(path):
            if text.strip():
                yield line, text.rstrip("\r\n").split("\t")
        return
    yield from csv_columns(path)


def _of_json(path: Path, needed: Collection[str]) -> Iterator[Record]:
    for line, record in json_objects(path):
        names = [name.strip().lower() for name in record]
        _check_names(path, line, names, needed)
        for name, value in zip(names, record.values(), strict=True):
            if isinstance(value, str):
                check_characters(path, line, name, value)
        yield line, dict(zip(names, record.values(), strict=True))


def _check_names(path: Path, line: int, names: list[str], needed: Collection[str]) -> None:
    missing = [name for name in needed if name not in names]
    twice = [name for name in names if names.count(name) > 1]
    if missing or twice:
        what = f"no column {missing[0]!r}" if missing else f"two columns are called {twice[0]!r}"
        raise line_error(
            path,
            line,
            f"{what}; the first line (in .jsonl: every object) names {', '.join(needed)}, found "
            f"were {', '.join(map(show, names)) or 'none'}",
        )
