"""Queries in files: where they spill to."""

import tempfile
from pathlib import Path

import duckdb
import pytest

from relevance_neurons.running import sql

LITTLE = "SET memory_limit = '150MB'; SET threads = 1;"
MILLIONS = """
WITH names AS (SELECT repeat('n', 40) || range AS name FROM range(2_000_000)),
     counted AS (SELECT name, count(*) AS n FROM names GROUP BY name)
SELECT sum(n)::BIGINT AS n, current_setting('temp_directory') AS spilled FROM counted
"""


def test_a_query_spills_to_a_folder_of_its_own(tmp_path, monkeypatch):
    work, spare = tmp_path / "work", tmp_path / "spare"
    work.mkdir(), spare.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    query, macros = tmp_path / "millions.sql", tmp_path / "macros.sql"
    query.write_text(MILLIONS)
    monkeypatch.setattr(sql, "MACROS", macros)
    macros.write_text(LITTLE)
    rows = sql.run_sql(query).rows(named=True)
    assert [row["n"] for row in rows] == [2_000_000]
    assert Path(rows[0]["spilled"]).parent == spare
    macros.write_text(LITTLE + "SET max_temp_directory_size = '1MB';")
    with pytest.raises(duckdb.OutOfMemoryException):  # so it did spill
        sql.run_sql(query)
    assert list(work.iterdir()) == list(spare.iterdir()) == []
