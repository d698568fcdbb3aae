"""All tables of a study in one DuckDB file that opens anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from relevance_neurons.running.outputs import whole
from relevance_neurons.running.parquet_files import parquet_files
from relevance_neurons.running.sql import MACROS

KEY_COLUMNS = ("collection", "label")
# The oldest DuckDB that opens the file: what a newer one writes by itself, none before it reads.
_OLDEST = {"storage_compatibility_version": "v1.1.0"}
_NAMED = "(SELECT collection, doc_id FROM pairs UNION SELECT collection, doc_id FROM candidates)"


def build_database(
    output: str | Path,
    sql: Path,
    files: Mapping[str, str | Path | Sequence[str | Path]],
    file_keys: Mapping[str, Sequence[str | Sequence[str]]],
    collections: Mapping[str, Mapping[str, object]],
    study: Mapping[str, object],
) -> None:
    """Write ``output``, whole or not at all.

    ``sql`` is the folder with database_tables.sql, database_macros.sql, database_comments.sql and
    database_columns.sql.
    ``files``: table -> its Parquet files, or folders of them; a table without any is there, empty.
    ``file_keys``: table -> the collection, or (collection,
    label), of each of its files; only for tables whose files lack these columns. ``collections``
    and ``study`` are the study file's, or any other settings. Raises ``ValueError`` if a table's
    files and keys are not as many.
    """
    with whole(output) as temporary, duckdb.connect(str(temporary), config=_OLDEST) as database:
        for file in (MACROS, sql / "database_tables.sql"):
            database.execute(file.read_text(encoding="utf-8"))
        # Documents last: only those are kept that a pair or a candidate names.
        for table in sorted(files, key=lambda table: table == "documents"):
            paths = _listed(files[table])
            for path, key in zip(paths, file_keys.get(table, [()] * len(paths)), strict=True):
                for file in parquet_files([path]):
                    _insert_file(database, table, file, _listed(key))
        _insert_rows(database, "collections", _collection_rows(collections))
        _insert_rows(database, "study", _setting_rows(study))
        database.execute((sql / "database_macros.sql").read_text(encoding="utf-8"))
        comment_all(database, sql)


def comment_all(database: duckdb.DuckDBPyConnection, sql: Path) -> None:
    """Say what each table and column is: by its own comment, or by that of its name."""
    database.execute((sql / "database_comments.sql").read_text(encoding="utf-8"))
    of_names = (sql / "database_columns.sql").read_text(encoding="utf-8")
    for (statement,) in database.execute(of_names).fetchall():
        database.execute(statement)


def _insert_file(
    database: duckdb.DuckDBPyConnection, table: str, file: str, key: list[str]
) -> None:
    database.execute("SET VARIABLE file = $file", {"file": file})
    database.execute("SET VARIABLE key = $key", {"key": key})
    columns = [f"getvariable('key')[{i + 1}] AS {KEY_COLUMNS[i]}, " for i in range(len(key))]
    rows = f"FROM (SELECT {''.join(columns)}* FROM read_parquet(getvariable('file')))"
    if table == "documents":
        rows += f" SEMI JOIN {_NAMED} USING (collection, doc_id) ORDER BY doc_id"
    known = {name for name, *_ in database.execute(f'DESCRIBE "{table}"').fetchall()}
    for name, kind, *_ in database.execute(f"DESCRIBE {rows}").fetchall():
        if name not in known:
            database.execute(f'ALTER TABLE "{table}" ADD COLUMN "{name}" {kind}')
    database.execute(f'INSERT INTO "{table}" BY NAME {rows}')


def _insert_rows(
    database: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Sequence[object]]
) -> None:
    for row in rows:
        database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", list(row))


def _listed(given: str | Path | Sequence) -> list:
    return [given] if isinstance(given, str | Path) else list(given)


def _collection_rows(collections: Mapping[str, Mapping[str, object]]) -> list[tuple[object, ...]]:
    """Rows of the table collections; its origin is a dataset id, packages or a file."""
    rows = []
    for name, given in collections.items():
        origin = given.get("id") or given.get("package") or given.get("documents")
        origin = ", ".join(map(str, _listed(origin))) if origin else None
        keys = ("relevant", "non_relevant", "scale", "own_document", "language", "run")
        told = [given.get(key) for key in keys]
        rows.append((name, given.get("source"), given.get("domain"), origin, *told))
    return rows


def _setting_rows(settings: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """(key, value) of every setting, nested keys joined by dots, lists as JSON."""
    rows = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += _setting_rows(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)))
    return rows
