"""Run a .sql file with named variables; the same file runs in the duckdb shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
from duckdb import DuckDBPyRelation

from relevance_neurons.errors import UserError
from relevance_neurons.running.outputs import whole

MACROS = Path(__file__).with_name("macros.sql")
"""What every query shares."""


def run_sql(file: str | Path, *, one_thread: bool = False, **variables: object) -> pl.DataFrame:
    """Return the rows of the query in ``file``, in its order.

    ``variables`` are set with ``SET VARIABLE``; the query reads them with ``getvariable('name')``.
    A frame becomes a list of structs. ``MACROS`` is read first, as ``duckdb -init`` with that file
    does in the shell. With ``one_thread`` sums whose order the query leaves open have the same last
    digits in every run.
    """
    with _query(file, variables, one_thread) as rows:
        return rows.pl()


def write_sql(
    file: str | Path, path: str | Path, *, one_thread: bool = False, **variables: object
) -> None:
    """Write the rows of the query in ``file`` to Parquet, whole or not at all.

    As ``run_sql``, for more rows than memory should hold: they stream.
    """
    with _query(file, variables, one_thread) as rows, whole(path) as temporary:
        rows.write_parquet(str(temporary), compression="zstd")


@contextmanager
def _query(
    file: str | Path, variables: Mapping[str, object], one_thread: bool
) -> Iterator[DuckDBPyRelation]:
    file = Path(file)
    # DuckDB would spill into the working folder, which machines share that know nothing of each
    # other's processes: those that use one number would use one name.
    with TemporaryDirectory() as spilled, duckdb.connect() as connection:
        connection.execute("SET temp_directory = $spilled", {"spilled": spilled})
        if one_thread:
            connection.execute("SET threads = 1")
        connection.execute(MACROS.read_text(encoding="utf-8"))
        for name, value in variables.items():
            connection.execute(f'SET VARIABLE "{name}" = $value', {"value": _plain(value)})
        yield connection.sql(file.read_text(encoding="utf-8"))


def check(file: str | Path, **variables: Any) -> None:
    """Raise ``UserError`` with the first fault that the query in ``file`` finds, if any."""
    for fault in run_sql(file, **variables)["fault"]:
        raise UserError(fault)


def _plain(value: object) -> object:
    """``value`` as what DuckDB knows: paths are strings, frames and other sequences lists."""
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, pl.DataFrame):
        return value.to_dicts()
    if isinstance(value, Sequence):
        return [_plain(one) for one in value]
    return value
