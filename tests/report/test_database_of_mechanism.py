"""The database of a study with the stage mechanism: its questions answered by hand; one without."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from relevance_neurons.report.database import build_database
from toys import synthetic_mechanism as toy
from toys.databases import QUERIES, rows
from workflow_scripts.report import build_database as script

SQL = Path(script.__file__).parent
ASKED = ["find_heads", "compare_semantic_bm25", "where_terms_are_counted"]


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    files = toy.write_mechanism(folder)
    build_database(folder / "neurons.duckdb", SQL, files, {}, {}, {})
    with duckdb.connect(str(folder / "neurons.duckdb"), read_only=True) as connection:
        yield connection


def ask(database, name: str, **variables: str) -> pl.DataFrame:
    for key, value in variables.items():
        database.execute(f"SET VARIABLE {key} = '{value}'")
    found = rows(database, (QUERIES / f"{name}.sql").read_text(encoding="utf-8"))
    for key in variables:
        database.execute(f"RESET VARIABLE {key}")
    return found


@pytest.mark.parametrize("table", toy.TABLES)
def test_tables_have_the_columns_of_the_rules_in_their_order(database, table):
    found, made = rows(database, f"FROM {table}"), toy.tables()[table]
    assert found.columns == made.columns
    assert_frame_equal(found, made, check_dtypes=False)


def test_heads_with_a_kind_come_first_and_five_more(database):
    found = ask(database, "find_heads")
    kinds = {(row["layer"], row["head"]): row["kind"] for row in found.iter_rows(named=True)}
    of_kind = {at: kind for at, kind in kinds.items() if kind != "none"}
    assert of_kind == {(4, 0): "both", (1, 2): "matching", (2, 1): "matching", (5, 1): "relevance"}
    assert found["kind"].to_list()[-5:] == ["none"] * 5 and len(found) == 9
    of = toy.patches().filter(
        grid="head", site="output", perturbation="TFC1", layer=5, head=1
    )  # one row a collection
    row = found.row(by_predicate=(pl.col("layer") == 5) & (pl.col("head") == 1), named=True)
    assert row["n_above_zero"] == (of["ci_low"] > 0).sum() == row["of_collections"] == 2
    assert row["flipped_percent"] == pytest.approx(of["flipped_percent"].mean())
    assert row["null_match_attention"] == 0.06


def test_regressions_stand_between_bm25_and_the_ranker(database):
    for form in ("pointwise", "pairwise"):
        found = ask(database, "compare_semantic_bm25", form=form)
        assert found["form"].unique().to_list() == [form]
        assert len(found) == len(toy.COLLECTIONS) * len(toy.PEARSON)
        assert found["variant"][0] == "cross_encoder" and found["percent_of_the_way"][0] == 100
        bm25 = found.filter(variant="bm25")
        assert bm25["percent_of_the_way"].to_list() == [0, 0]
        features = found.filter(variant="features", collection="alpha").row(0, named=True)
        assert features["pearson_above_bm25"] == pytest.approx(0.71 - 0.42)
        assert features["percent_of_the_way"] == pytest.approx(100 * (0.71 - 0.42) / (1 - 0.42))
    assert ask(database, "compare_semantic_bm25")["form"].unique().to_list() == ["pointwise"]


@pytest.mark.parametrize("perturbation", [None, "STMC1"])
def test_layers_are_named_by_their_strongest_head(database, perturbation):
    given = {"perturbation": perturbation} if perturbation else {}
    found = ask(database, "where_terms_are_counted", **given).filter(collection="beta")
    assert len(found) == toy.N_LAYERS and found["effect"].abs().is_sorted(descending=True)
    patches = toy.patches().filter(collection="beta", perturbation=perturbation or "TFC1")
    assert found["layer"][0] == 5 and found["head_tokens"][0] == "cls"
    for row in found.iter_rows(named=True):
        of = patches.filter(grid="head", site="output", layer=row["layer"])
        best = of.sort(pl.col("effect").abs()).row(-1, named=True)
        assert (row["head"], row["effect"]) == (best["head"], best["effect"])
        assert (row["ci_low"], row["ci_high"]) == (best["ci_low"], best["ci_high"])
        assert row["n_heads_holm"] == (of["p_value_holm"] <= 0.05).sum()
        block = patches.filter(grid="block", site="residual", layer=row["layer"])
        best = block.sort(pl.col("effect").abs()).row(-1, named=True)
        assert (row["residual_tokens"], row["residual"]) == (best["token_class"], best["effect"])
    matching = found.filter(pl.col("layer").is_in([1, 2]))
    assert set(matching.select("layer", "head", "head_tokens").rows()) == {
        (1, 2, "query_term"),
        (2, 1, "query_term"),
    }


def test_a_study_without_the_section_has_the_tables_empty(tmp_path):
    output = tmp_path / "neurons.duckdb"
    build_database(output, SQL, {}, {}, {}, {})
    with duckdb.connect(str(output), read_only=True) as connection:
        for name in toy.TABLES:
            assert rows(connection, f'FROM "{name}"').is_empty()
        assert all(ask(connection, name).is_empty() for name in ASKED)
