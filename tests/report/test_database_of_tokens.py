"""The database of a study with tokens: its questions answered by hand, and one without."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from relevance_neurons.report.database import build_database
from toys import synthetic_tokens as toy
from toys.databases import QUERIES, TOKEN_COLLECTIONS, rows, token_files
from workflow_scripts.report import build_database as script

SQL = Path(script.__file__).parent
ASKED = ["find_decisive_tokens", "compare_token_methods", "check_token_findings"]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("study")
    toy.write_summaries(toy.write_tokens(folder), folder)
    return token_files(folder)


@pytest.fixture(scope="module")
def database(files, tmp_path_factory):
    output = tmp_path_factory.mktemp("database") / "neurons.duckdb"
    keys = dict.fromkeys(("token_pairs", "token_rankings"), TOKEN_COLLECTIONS)
    build_database(output, SQL, files, keys, {}, {})
    with duckdb.connect(str(output)) as connection:
        yield connection


def ask(database, name: str) -> pl.DataFrame:
    return rows(database, (QUERIES / f"{name}.sql").read_text(encoding="utf-8"))


def test_every_table_of_tokens_is_there(database, files):
    assert set(files) == {*toy.TABLES, *toy.SUMMARIES}
    for name in files:
        assert len(rows(database, f'FROM "{name}"')) > 0, name


def test_a_folder_of_layers_is_read_whole(database, files):
    assert all(one.is_dir() for one in files["token_scores"])
    found = rows(database, "FROM token_scores")
    assert len(found) == sum(len(pl.read_parquet(one)) for one in files["token_scores"])
    layers = found.filter(method=toy.METHODS[0])["layer"].unique().sort().to_list()
    assert layers == toy.LAYERS


def test_decisive_words_are_means_over_the_pairs_that_have_them(database):
    scores = pl.concat(toy.token_scores(one, "lime", None) for one in toy.COLLECTIONS)
    database.execute("SET VARIABLE method = 'lime'; SET VARIABLE collection = 'beta'")
    found = ask(database, "find_decisive_tokens")
    database.execute("RESET VARIABLE method; RESET VARIABLE collection")
    assert len(found) > 5 and found["mean_percent_of_scores"].is_sorted(descending=True)
    assert set(found["method"]) == {"lime"} and set(found["collection"]) == {"beta"}
    own = scores.filter(collection="beta")
    for row in found.head(8).iter_rows(named=True):
        of = own.filter(word=row["word"], part=row["part"])
        pairs = of.group_by("query_id", "doc_id").agg(
            pl.sum("weight"), pl.col("word_number").n_unique()
        )
        assert row["n_pairs"] == len(pairs) > 1
        assert row["mean_percent_of_scores"] == pytest.approx(100 * pairs["weight"].mean())
        assert row["percent_of_pairs"] == pytest.approx(100 * len(pairs) / 24)
        assert row["mean_times"] == pytest.approx(pairs["word_number"].mean())
    assert any(word.endswith("s") and word[:-1] in toy.WORDS for word in found["word"])


def test_decisive_words_of_one_layer(database):
    database.execute("SET VARIABLE layer = 2; SET VARIABLE method = 'information_bottleneck'")
    found = ask(database, "find_decisive_tokens")
    database.execute("RESET VARIABLE layer; RESET VARIABLE method")
    assert found["layer"].unique().to_list() == [2]


def test_methods_stand_beside_each_other(database, files):
    found = ask(database, "compare_token_methods")
    areas = pl.read_parquet(files["degradation_areas"])
    assert len(found) == 3 * 7
    assert found["mean_drop"].head(7).is_sorted(descending=True)
    columns = {"area_most_deleted": ("deletion", "most"), "area_least_masked": ("mask", "least")}
    for row in found.iter_rows(named=True):
        at = pl.col("layer").eq_missing(pl.lit(row["layer"], pl.Int32))
        of = areas.filter(at, collection=row["collection"], method=row["method"])
        for name, (removal, order) in columns.items():
            assert row[name] == of.filter(removal=removal, order=order)["area"].item()
        first = of.filter(removal="deletion", order="most")
        assert row["first_drop_percent"] == pytest.approx(100 * first["first_drop_normalised"][0])
        assert row["n_compared"] == 4 - of["p_value_holm"].null_count()
        assert row["n_different_holm"] == (of["p_value_holm"] <= 0.05).sum()
    costs = pl.concat(map(pl.read_parquet, files["token_checks"])).filter(
        method="lime", collection="alpha"
    )
    lime = found.filter(method="lime", collection="alpha")
    assert lime["cost_forwards"].item() == pytest.approx(costs["cost_forwards"].mean())


def test_findings_are_counted_over_collections(database, files):
    found = ask(database, "check_token_findings")
    findings = pl.read_parquet(files["token_findings"])
    assert found["collection"].unique().to_list() == ["all"]
    assert len(found) == findings["claim"].n_unique()
    for row in found.iter_rows(named=True):
        of = findings.filter(pl.col("collection") != "all", claim=row["claim"])["holds"].to_list()
        numbers = [row[f"n_{one}"] for one in ("yes", "no", "undecided")]
        assert numbers == [of.count(one) for one in ("yes", "no", "undecided")]


def test_findings_of_entries_and_of_one_collection_are_rows_of_their_own(files, tmp_path):
    findings = pl.read_parquet(files["token_findings"])
    lost = (pl.col("claim") == "removed_both") & (pl.col("collection") != "beta")
    old = findings.filter(claim="lime_below_random").with_columns(method=pl.lit("old"))
    pl.concat([findings.filter(~lost), old]).write_parquet(tmp_path / "findings.parquet")
    of = {"token_findings": [tmp_path / "findings.parquet"]}
    build_database(tmp_path / "neurons.duckdb", SQL, of, {}, {}, {})
    with duckdb.connect(str(tmp_path / "neurons.duckdb"), read_only=True) as connection:
        found = ask(connection, "check_token_findings")
    of_lime = found.filter(claim="lime_below_random")
    assert of_lime["method", "n_collections"].rows() == [("lime", 2), ("old", 2)]
    assert (of_lime["n_yes"] + of_lime["n_no"] + of_lime["n_undecided"]).to_list() == [2, 2]
    alone = found.filter(claim="removed_both")
    assert alone["collection", "n_collections"].rows() == [("beta", 1)]


def test_a_study_without_tokens_has_their_tables_empty(tmp_path):
    output = tmp_path / "neurons.duckdb"
    build_database(output, SQL, {"token_scores": [], "token_findings": []}, {}, {}, {})
    with duckdb.connect(str(output), read_only=True) as connection:
        for name in (*toy.TABLES, *toy.SUMMARIES):
            assert rows(connection, f'FROM "{name}"').is_empty()
        assert all(ask(connection, name).is_empty() for name in ASKED)
