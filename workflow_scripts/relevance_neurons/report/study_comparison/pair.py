"""Two studies' databases, opened beside each other, and what the older of them lack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl

from relevance_neurons.running.sql import MACROS

SIDES = ("a", "b")
_NEURON = "layer INTEGER, component VARCHAR, neuron INTEGER"
_PAIR = "collection VARCHAR, query_id VARCHAR, doc_id VARCHAR"
_CELL = "scheme VARCHAR, top_percent DOUBLE"
TABLES = {
    "study": "key VARCHAR, value VARCHAR",
    "activations": f"{_NEURON}, root_mean_square DOUBLE",
    "neuron_scores": f"collection VARCHAR, label VARCHAR, method VARCHAR, {_NEURON}, score DOUBLE",
    "schemes": f"{_CELL}, {_NEURON}",
    "scheme_sizes": f"{_CELL}, n_neurons INTEGER",
    "pairs": f"{_PAIR}, label VARCHAR, kept BOOLEAN",
    "documents": "collection VARCHAR, doc_id VARCHAR, text VARCHAR",
    "queries": "collection VARCHAR, query_id VARCHAR, text VARCHAR",
    "qrels": f"{_PAIR}, grade INTEGER, gain INTEGER",
    "candidates": _PAIR,
    "rerankings": f"{_CELL}, {_PAIR}, score DOUBLE",
    "measures": f"{_CELL}, draw INTEGER, collection VARCHAR, query_id VARCHAR, measure VARCHAR,"
    " value DOUBLE",
    "ablation_effects": f"{_CELL}, collection VARCHAR, original DOUBLE, pruned DOUBLE,"
    " difference_percent DOUBLE, ci_low DOUBLE, ci_high DOUBLE, p_value_holm DOUBLE,"
    " n_neurons INTEGER, n_queries INTEGER",
}
"""What is read of a database: its tables and their columns."""
_WITHOUT = {
    # Older studies knew one method of scoring neurons, and grades that are gains.
    ("neuron_scores", "method"): "'neuron_integrated_gradients'",
    ("qrels", "gain"): "grade",
    ("ablation_effects", "n_neurons"): "NULL",
    ("ablation_effects", "p_value_holm"): "NULL",
}
"""What stands for a column that older databases lack; without any other the table is left out."""


@dataclass
class Pair:
    """Two studies: ``names`` of both, and of each its settings and what its database lacks.

    The views a_<table> and b_<table> hold the columns of ``TABLES``; that of a table which is
    lacking is empty.
    """

    names: tuple[str, str]
    connection: duckdb.DuckDBPyConnection
    settings: tuple[dict[str, str], dict[str, str]] = ({}, {})
    lacking: dict[tuple[str, str], str] = field(default_factory=dict)
    """(study, table) -> why it cannot be read."""

    def query(self, name: str, **parameters: object) -> pl.DataFrame:
        """The rows of ``<name>.sql`` beside this file."""
        file = Path(__file__).with_name(f"{name}.sql")
        return self.connection.sql(file.read_text(encoding="utf-8"), params=parameters).pl()

    def reason(self, *tables: str) -> str | None:
        """Why ``tables`` cannot be compared, or None where both studies have all of them."""
        found = [why for (_, table), why in self.lacking.items() if table in tables]
        return "; ".join(found) or None

    def setting(self, side: int, key: str) -> Any:
        """A setting of one study's file; None where it has none."""
        return plain(self.settings[side].get(key))


def plain(value: str | None) -> Any:
    """A value of the table study as what it was in the study file."""
    try:
        return None if value is None else json.loads(value)
    except ValueError:
        return value


@contextmanager
def opened(studies: Mapping[str, Path]) -> Iterator[Pair]:
    """Open the databases of two ``studies`` (name -> file) read-only."""
    names = tuple(studies)
    with TemporaryDirectory() as spilled, duckdb.connect() as connection:
        connection.execute("SET threads = 1")  # sums have the same last digits in every run
        connection.execute("SET temp_directory = $spilled", {"spilled": spilled})
        connection.execute(MACROS.read_text(encoding="utf-8"))
        pair = Pair((names[0], names[1]), connection)
        for side, (name, path) in zip(SIDES, studies.items(), strict=True):
            quoted = str(path).replace("'", "''")
            connection.execute(f"ATTACH '{quoted}' AS {side} (READ_ONLY)")
            columns = _columns(connection, side)
            for table in TABLES:
                _view(pair, side, name, table, columns.get(table, set()))
        a, b = (
            dict(connection.execute(f"SELECT key, value FROM {side}_study").fetchall())
            for side in SIDES
        )
        pair.settings = (a, b)
        yield pair


def _columns(connection: duckdb.DuckDBPyConnection, side: str) -> dict[str, set[str]]:
    """Table -> its columns, in the database of one study."""
    asked = "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = ?"
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(asked, [side]).fetchall():
        found.setdefault(table, set()).add(column)
    return found


def _view(pair: Pair, side: str, study: str, table: str, found: set[str]) -> None:
    columns = [one.split() for one in TABLES[table].split(",")]
    missing = [name for name, _ in columns if name not in found and (table, name) not in _WITHOUT]
    if missing:
        what = f"column {', '.join(missing)} in its table" if found else "table"
        pair.lacking[study, table] = f"{study} has no {what} {table} (an older version made it)"
    taken = [
        f"{_taken(table, name, found, bool(missing))}::{kind} AS {name}" for name, kind in columns
    ]
    rows = "WHERE false" if missing else f"FROM {side}.main.{table}"
    pair.connection.execute(f"CREATE TEMP VIEW {side}_{table} AS SELECT {', '.join(taken)} {rows}")


def _taken(table: str, column: str, found: set[str], is_lacking: bool) -> str:
    if is_lacking:
        return "NULL"
    return column if column in found else _WITHOUT[table, column]
