"""Ids and texts of any characters in neurons.duckdb: every question answers as with plain ones."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from toys.databases import QUERIES, build, rows, write_study

ODD = [
    *("o'clock", 'say "so"', "100 %", "a;b -- c", " spaces  inside ", "tab\there", "a", "A", "a "),
    *("\u00e1", "a\u0301", "蜜蜂", "كيف", "क्षि", "🐝", "\\", "%s", "{}", "$x$", "_", "%", "NULL"),
    *(
        "null",
        "0042",
        "42",
        "1e-2",
        "*",
        "[x]",
        "<b>",
        "/* x */",
        "line\nend",
        "nul \x00",
        "\u202e",
    ),
]
"""Ids differ in case, spaces or composition alone, or look like SQL, numbers and patterns."""
ASKED = {
    "hardest_queries": "FROM hardest_queries('P_alpha', 10)",
    "moved_passages": "FROM moved_passages('F_all', 5)",
    "documents": "FROM documents",
} | {path.stem: path.read_text(encoding="utf-8") for path in sorted(QUERIES.glob("*.sql"))}
ASKED = {name: sql.replace("LIMIT 100", "") for name, sql in ASKED.items()}  # ids decide who is in
IDS = {"query_id", "doc_id"}


def odd_names(results: Path) -> dict[str, str]:
    """Plain id -> odd id, for every query and document."""
    files = sorted(results.glob("collections/*/*.parquet"))
    frames = [pl.read_parquet(file) for file in files]
    plain = {name: None for frame in frames for column in IDS & {*frame.columns}
             for name in frame[column]}  # fmt: skip
    return {
        name: ODD[number % len(ODD)] + "'" * (number // len(ODD))
        for number, name in enumerate(plain)
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Iterator[tuple]:
    """A database with plain ids, the same with odd ids and texts, and the odd names."""
    folder = tmp_path_factory.mktemp("odd")
    plain = write_study(folder / "plain")
    odd = folder / "odd"
    shutil.copytree(plain, odd)
    names = odd_names(plain)
    for file in odd.rglob("*.parquet"):
        frame = pl.read_parquet(file)
        renamed = [pl.col(one).replace(names) for one in IDS & {*frame.columns}]
        texts = [pl.col("text") + " 'x' -- ; 蜂 %"] if "text" in frame.columns else []
        frame.with_columns(*renamed, *texts).write_parquet(file)
    with (
        duckdb.connect(str(build(plain, folder / "plain.duckdb"))) as one,
        duckdb.connect(str(build(odd, folder / "odd.duckdb"))) as other,
    ):
        yield one, other, names


def test_the_odd_names_are_different(both):
    names = both[2]
    assert len(set(names.values())) == len(names) > len(ODD)


@pytest.mark.parametrize("asked", ASKED)
def test_every_question_has_the_same_answer(both, asked):
    plain, odd, names = both
    expected, found = (rows(one, ASKED[asked]) for one in (plain, odd))
    texts = [one for one in ("text", "query", "passage") if one in found.columns]
    for column in texts:
        assert found[column].str.ends_with(" 'x' -- ; 蜂 %").all()
    ids = [pl.col(one).replace(names) for one in IDS & {*expected.columns}]
    expected = expected.with_columns(ids).drop(texts)
    found = found.drop(texts)
    assert len(found) > 0
    assert_frame_equal(found, expected, check_row_order=False, check_exact=False)
