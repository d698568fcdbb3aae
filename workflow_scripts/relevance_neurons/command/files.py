"""What the command reads: pairs, candidates, and tables that it or a study wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relevance_neurons.collections.lines import line_error, show
from relevance_neurons.collections.records import read_records
from relevance_neurons.collections.texts import one_line
from relevance_neurons.errors import UserError

if TYPE_CHECKING:
    import polars as pl

LABELS = {"relevant": "relevant", "non_relevant": "non_relevant"}
LABELS |= {"1": "relevant", "0": "non_relevant"}
"""How a file may call a label."""
_IDS = ("query_id", "doc_id")


def read_pairs(path: Path, label: str | None = None) -> pl.DataFrame:
    """A row per pair of a file: query_id, doc_id, query, passage, label.

    ``label`` is that of every pair; by default the file's column label says it (relevant,
    non_relevant, 1 or 0), and without the column all are relevant. Pairs without ids are numbered
    from 1. Raises ``UserError`` with file and line for a text that is empty, for another label, and
    for a pair of ids that is there twice.
    """
    import polars as pl

    rows: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], int] = {}
    for line, record in read_records(path, ("query", "passage")):
        row = {name: _text(path, line, record, name) for name in ("query", "passage")}
        row |= {name: _id(path, line, record, name, len(rows) + 1) for name in _IDS}
        _check_once(path, line, (row["query_id"], row["doc_id"]), seen)
        row["label"] = label or _label(path, line, record)
        rows.append(row)
    return pl.DataFrame(rows).select(*_IDS, "query", "passage", "label")


def read_candidates(path: Path) -> pl.DataFrame:
    """A row per passage that is ranked: query_id, query, doc_id, text, gain.

    The gain is the file's column gain or grade, a whole number from 0. Queries without an id are
    told apart by their text, passages numbered. Raises ``UserError`` with file and line for a text
    that is empty, a gain that is no such number, and a pair of ids that is there twice.
    """
    import polars as pl

    rows: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], int] = {}
    for line, record in read_records(path, ("query", "passage")):
        query = _text(path, line, record, "query")
        query_id = _id(path, line, record, "query_id", query)
        doc_id = _id(path, line, record, "doc_id", len(rows) + 1)
        _check_once(path, line, (query_id, doc_id), seen)
        text, gain = _text(path, line, record, "passage"), _gain(path, line, record)
        rows.append(
            {"query_id": query_id, "query": query, "doc_id": doc_id, "text": text, "gain": gain}
        )
    return pl.DataFrame(rows)


def read_table(path: Path, needed: Sequence[str]) -> pl.DataFrame:
    """A table that was written before, by its suffix: .parquet, .csv, .json.

    Raises ``UserError`` for another suffix, for what cannot be read and for a missing column.
    """
    import polars as pl

    readers = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".json": pl.read_json}
    if path.suffix not in readers:
        raise UserError(
            f"{path}: extension {path.suffix!r} is unknown; {', '.join(readers)} are allowed"
        )
    if not path.is_file():
        raise UserError(f"{path}: no such file; give a table with {', '.join(needed)}")
    try:
        frame = readers[path.suffix](path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(
            f"{path}: cannot be read ({one_line(str(error))[:200]}); write it once more"
        ) from error
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise UserError(
            f"{path}: no column {', '.join(missing)}; found were {', '.join(frame.columns)}; give "
            f"a table with {', '.join(needed)}"
        )
    return frame


def _text(path: Path, line: int, record: dict[str, Any], name: str) -> str:
    value = record[name]
    text = one_line(value) if isinstance(value, str) else ""
    if not text:
        raise line_error(path, line, f"{name} is {show(value)}; a text is needed")
    return text


def _id(path: Path, line: int, record: dict[str, Any], name: str, default: str | int) -> str:
    value = record.get(name, default)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise line_error(path, line, f"{name} is {show(value)}; a text or number is needed")
    return str(value).strip()


def _check_once(
    path: Path, line: int, ids: tuple[str, str], seen: dict[tuple[str, str], int]
) -> None:
    if (first := seen.setdefault(ids, line)) != line:
        query_id, doc_id = ids
        raise line_error(
            path,
            line,
            f"passage {show(doc_id)} of query {show(query_id)} is there already, on line {first}; "
            "keep one of the two lines",
        )


def _label(path: Path, line: int, record: dict[str, Any]) -> str:
    value = str(record.get("label", "relevant")).strip()
    if value not in LABELS:
        raise line_error(path, line, f"label is {show(value)}; allowed are {', '.join(LABELS)}")
    return LABELS[value]


def _gain(path: Path, line: int, record: dict[str, Any]) -> int:
    name = next((one for one in ("gain", "grade") if one in record), None)
    if name is None:
        raise line_error(
            path,
            line,
            "no column 'gain' or 'grade'; say how relevant the passage is, 0 where it is not",
        )
    value = str(record[name]).strip()
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise line_error(path, line, f"{name} is {show(value)}; a whole number from 0 is needed")
    return int(value)
