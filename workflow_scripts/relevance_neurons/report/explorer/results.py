"""A study's database as the explorer reads it: named queries, and what is there at all."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl

from relevance_neurons.errors import UserError

_FOLDER = Path(__file__).parent


class Results:
    """A neurons.duckdb, opened read-only; a context manager that closes it."""

    def __init__(self, database: str | Path) -> None:
        """Open ``database``. Raises ``UserError`` where it is none or holds no study."""
        self.path = Path(database)
        if not self.path.is_file():
            raise UserError(f"{self.path}: not found; make it with snakemake build_database")
        try:
            self._connection = duckdb.connect(str(self.path), read_only=True)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"{self.path}: DuckDB cannot open it ({reason}); make it again with "
                "snakemake build_database"
            ) from error
        if not self.has("study"):
            self._connection.close()
            raise UserError(
                f"{self.path}: found no study in it; give a neurons.duckdb that build_database made"
            )

    def __enter__(self) -> Results:
        """The results themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self._connection.close()

    def query(self, name: str, **parameters: object) -> pl.DataFrame:
        """The rows of the query in ``name``.sql beside this file, its ``$parameter``s filled in."""
        text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
        return self._connection.sql(text, params=parameters or None).pl()

    def has(self, table: str, *columns: str) -> bool:
        """Whether ``table`` has a row and these ``columns``, which an old database may lack."""
        if not {*columns} <= self._columns.get(table, set()) or table not in self._columns:
            return False
        return bool(self._connection.execute(f'FROM "{table}" LIMIT 1').fetchall())

    @cached_property
    def study(self) -> dict[str, str]:
        """The study file's settings, keys joined by dots; a list is JSON."""
        return dict(self._connection.execute("SELECT key, value FROM study").fetchall())

    @cached_property
    def _columns(self) -> dict[str, set[str]]:
        rows = self._connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
        found: dict[str, set[str]] = {}
        for table, column in rows:
            found.setdefault(table, set()).add(column)
        return found
