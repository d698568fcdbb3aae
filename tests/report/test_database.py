"""The database of a made-up study: whole, self-contained, and every ready question answered."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from relevance_neurons.ablation.significance import EFFECTS
from toys.databases import COLLECTIONS, QUERIES, build, rows, study_files, write_study
from toys.synthetic_results import (
    ABLATION_DOMAINS,
    DOMAINS,
    MAPS,
    neuron_frame,
)
from workflow_scripts.report import build_database


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return write_study(tmp_path_factory.mktemp("study") / "results")


@pytest.fixture(scope="module")
def database(results, tmp_path_factory):
    """A database that was moved away, its files deleted, opened read-only."""
    copy = tmp_path_factory.mktemp("copy") / "results"
    shutil.copytree(results, copy)
    moved = build(copy, copy / "neurons.duckdb").rename(copy.parent / "moved.duckdb")
    shutil.rmtree(copy)
    with duckdb.connect(str(moved), read_only=True) as connection:
        yield connection


def test_the_oldest_duckdb_that_is_promised_answers_everything(results, tmp_path):
    """`make setup` puts it beside the other one; a process of its own loads it."""
    oldest = Path(sys.prefix) / "oldest"
    database = build(results, tmp_path / "neurons.duckdb")
    asked = [
        *[path.read_text(encoding="utf-8") for path in sorted(QUERIES.glob("*.sql"))],
        "FROM top_neurons('F_all', 1)",
        "FROM neuron_profile(0, 'query', 0)",
        "FROM effect_of('F_all')",
        "FROM hardest_queries('F_all', 1)",
        "FROM moved_passages('F_all', 1)",
        "FROM method_losses(10)",
        "FROM loss_curve('N_alpha')",
        "FROM transfer('N', 10)",
        "FROM duckdb_tables() WHERE comment IS NOT NULL",
        "FROM duckdb_columns() WHERE comment IS NOT NULL",
    ]
    script = (
        "import duckdb, json, sys; database = duckdb.connect(sys.argv[1], read_only=True);"
        "found = [len(database.execute(one).fetchall()) for one in json.load(sys.stdin)];"
        "print(json.dumps([duckdb.__version__, found]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(database)],
        input=json.dumps(asked),
        env={"PYTHONPATH": str(oldest)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    version, n_rows = json.loads(done.stdout)
    assert version.startswith("1.1.")
    with duckdb.connect(str(database), read_only=True) as newest:
        assert n_rows == [len(newest.execute(one).fetchall()) for one in asked]
    assert all(n_rows[:-1]) and n_rows[-1] > 20


@pytest.mark.parametrize("query", sorted(QUERIES.glob("*.sql")), ids=lambda path: path.stem)
def test_every_ready_question_has_an_answer(database, query):
    assert len(rows(database, query.read_text(encoding="utf-8"))) > 0


def test_there_are_ready_questions():
    assert len(list(QUERIES.glob("*.sql"))) >= 8


def test_tables_hold_the_files(database, results):
    files, keys = study_files(results)
    for table in files.keys() - {"documents"}:
        frames = []
        for number, file in enumerate(files[table]):
            key = keys.get(table, [[]] * len(files[table]))[number]
            names = zip(
                ["collection", "label"], [key] if isinstance(key, str) else key, strict=False
            )
            columns = [pl.lit(value).alias(name) for name, value in names]
            frames.append(pl.read_parquet(file).select(*columns, pl.all()))
        expected = pl.concat(frames, how="diagonal")  # an own run brings columns of its own
        found = rows(database, f'FROM "{table}"').select(expected.columns)
        assert_frame_equal(found, expected, check_dtypes=False)


def test_documents_are_those_of_pairs_and_candidates(database, results):
    texts = [
        pl.read_parquet(results / "collections" / one / "documents.parquet").select(
            pl.lit(one).alias("collection"), pl.all()
        )
        for one in COLLECTIONS
    ]
    named = [
        pl.read_parquet(file).select(pl.lit(one).alias("collection"), "doc_id")
        for table, names in (("pairs", DOMAINS), ("candidates", ABLATION_DOMAINS))
        for one, file in zip(names, study_files(results)[0][table], strict=True)
    ]
    expected = pl.concat(texts).join(pl.concat(named), on=["collection", "doc_id"], how="semi")
    assert 0 < len(expected) < len(pl.concat(texts))
    order = ["collection", "doc_id"]
    assert_frame_equal(rows(database, "FROM documents").sort(order), expected.sort(order))


def test_settings_and_collections(database):
    assert dict(rows(database, "FROM study").iter_rows()) == {
        "study": "synthetic",
        "seed": "0",
        "selection.top_percents": "[1.0, 5.0, 10.0]",
        "ablation.equivalence_margin": "2",
    }
    first = rows(database, "FROM collections").row(0, named=True)
    assert first == {
        "collection": "alpha",
        "source": "files",
        "domain": "in",
        "origin": "docs.tsv",
        "relevant": [2, 3],
        **dict.fromkeys(["non_relevant", "scale", "own_document", "language", "run"]),
    }


def test_every_table_says_what_a_row_is(database):
    tables = rows(database, "SELECT table_name, comment FROM duckdb_tables()")
    declared = Path(build_database.__file__).with_name("database_tables.sql")
    assert len(tables) == declared.read_text(encoding="utf-8").count("CREATE TABLE ") >= 21
    assert tables["comment"].str.starts_with("One row is ").all()


def test_every_column_says_what_it_is(database):
    found = rows(database, "SELECT column_name, comment FROM duckdb_columns() WHERE NOT internal")
    assert len(found) > 800 and not found["comment"].null_count()
    of_names = Path(build_database.__file__).with_name("database_columns.sql").read_text("utf-8")
    named = re.findall(r"^    \('(\w+)', '(.*)'\),?$", of_names, re.MULTILINE)
    assert len(named) == len(dict(named)) > 150
    texts = [(name, text.replace("''", "'")) for name, text in named]
    assert not set(texts) - set(found.iter_rows()), "no table takes these"
    ends = dict(found.iter_rows())
    assert ends["spread_percent_low"] == "Lower end of the 95 % interval of spread_percent"
    assert ends["spread_percent_high"] == "Upper end of the 95 % interval of spread_percent"


def test_effects_have_the_columns_that_the_tests_compute(database):
    found = rows(database, "SELECT * FROM ablation_effects LIMIT 0").columns
    assert sorted(found) == sorted(EFFECTS.names())


def test_no_column_comes_from_a_file_alone(database, results):
    """Each has its place and type in database_tables.sql, whatever files a study has."""
    declared = Path(build_database.__file__).with_name("database_tables.sql")
    with duckdb.connect() as empty:
        empty.execute(declared.read_text(encoding="utf-8"))
        for table in study_files(results)[0]:
            assert (
                rows(empty, f'FROM "{table}"').columns == rows(database, f'FROM "{table}"').columns
            )


def test_columns_of_own_runs_thresholds_and_labels_are_explained(database):
    comments = rows(database, "SELECT table_name, column_name, comment FROM duckdb_columns()")
    said = {(table, column): comment for table, column, comment in comments.iter_rows()}
    for one in (
        *(("pairs", "threshold"), ("pairs", "agrees"), ("pairs", "kept"), ("candidates", "pool")),
        *(("candidates", "run_rank"), ("qrels", "label"), ("qrels", "gain")),
        *(("queries", "own_document"), ("ranking_quality", "n_not_found")),
    ):
        assert said[one], one
    assert "keep: all" in said["pairs", "kept"]
    assert all(word in said["candidates", "pool"] for word in ("relevant", "bm25", "run"))


def test_predictions_are_counted_beside_what_is_kept(results, tmp_path):
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    file = copy / "pairs" / "beta.parquet"
    pairs = pl.read_parquet(file)
    pairs.with_columns(kept=pl.lit(True), threshold=pl.lit(0.5)).write_parquet(file)  # keep: all
    query = (QUERIES / "check_predictions.sql").read_text(encoding="utf-8")
    with duckdb.connect(str(build(copy, tmp_path / "neurons.duckdb"))) as connection:
        found = rows(connection, query).filter(collection="beta")
    for row in found.iter_rows(named=True):
        of = pairs.filter(label=row["label"])
        assert (row["n_agreeing"], row["n_kept"]) == (of["agrees"].sum(), len(of))
        assert 0 < row["n_agreeing"] < row["n_pairs"]
        assert row["agreeing_percent"] == pytest.approx(100 * of["agrees"].mean())
        assert row["median_threshold"] == 0.5


def test_nothing_points_to_a_file(database):
    views = rows(database, "SELECT sql FROM duckdb_views() WHERE NOT internal")["sql"]
    assert views.str.contains("(?i)parquet|read_").sum() == 0


def test_top_neurons(database, results):
    schemes = pl.read_parquet(results / "schemes.parquet")
    chosen = schemes.filter((pl.col("scheme") == "N_beta") & (pl.col("top_percent") == 5))
    best = chosen.sort("score", descending=True).select("layer", "component", "neuron", "score")
    assert_frame_equal(rows(database, "FROM top_neurons('N_beta', 5)"), best)


def test_neuron_profile_ranks_the_neuron_in_every_map(database, results):
    found = rows(database, "FROM neuron_profile(1, 'intermediate', 3)")
    assert found.select("collection", "label").rows() == sorted(MAPS)
    index = neuron_frame().rows().index((1, "intermediate", 3))
    for collection, label, score, _, rank, n_neurons, _ in found.iter_rows():
        file = results / "neuron_scores" / collection / f"{label}.parquet"
        scores = pl.read_parquet(file)["score"].to_numpy()
        assert (score, n_neurons) == (scores[index], len(scores))
        assert rank == 1 + (scores > score).sum()


def test_shared_neurons_are_the_intersection(database, results):
    found = rows(database, "FROM shared_neurons('N_beta', 'N_gamma', 10)")
    schemes = pl.read_parquet(results / "schemes.parquet")
    both = schemes.filter((pl.col("scheme") == "N_and_out") & (pl.col("top_percent") == 10))
    assert_frame_equal(
        found.drop("score_a", "score_b"), both.select("layer", "component", "neuron")
    )
    mean = (found["score_a"] + found["score_b"]) / 2
    assert mean.to_list() == pytest.approx(both["score"].to_list())


def test_effect_of_stands_beside_its_control(database, results):
    effects = pl.read_parquet(results / "ablation_effects.parquet")
    found = rows(database, "FROM effect_of('F_all')")
    control = effects.filter(pl.col("scheme") == "random:F_all").sort("collection", "top_percent")
    assert len(found) == 9
    assert found["random_percent"].to_list() == control["difference_percent"].to_list()


def test_hardest_queries_are_differences_of_measures(database, results):
    for scheme in ("P_alpha", "random:P_alpha"):
        found = rows(database, f"FROM hardest_queries('{scheme}', 10)")
        measures = pl.read_parquet(results / "measures" / "zeta.parquet")
        values = measures.group_by("scheme", "top_percent", "query_id").agg(pl.mean("value"))
        of_query = {(a, b, c): value for a, b, c, value in values.iter_rows()}
        assert found["difference"].is_sorted()
        for row in found.filter(pl.col("collection") == "zeta").iter_rows(named=True):
            original = of_query["none", 0.0, row["query_id"]]
            pruned = of_query[scheme, 10.0, row["query_id"]]
            assert row["difference"] == pytest.approx(pruned - original)


def test_moved_passages_have_ranks(database):
    found = rows(database, "FROM moved_passages('random:F_all', 5)")
    assert (found["rank_before"] - found["rank_after"]).is_sorted()
    for _, ranking in found.group_by("collection", "query_id", "draw"):
        for column in ("rank_before", "rank_after"):
            assert sorted(ranking[column]) == list(range(1, len(ranking) + 1))
    assert found["draw"].n_unique() == 3


def test_equal_scores_are_ranked_as_in_trec_eval(results, tmp_path):
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    file = copy / "rerankings" / "zeta.parquet"
    pl.read_parquet(file).with_columns(score=pl.lit(-1.0)).write_parquet(file)
    with duckdb.connect(str(build(copy, tmp_path / "neurons.duckdb"))) as connection:
        found = rows(connection, "FROM ranked_passages WHERE collection = 'zeta'")
    for _, ranking in found.group_by("scheme", "top_percent", "draw", "query_id"):
        assert ranking.sort("rank")["doc_id"].is_sorted(descending=True)


def test_a_chosen_scheme_narrows_the_questions(results, tmp_path):
    with duckdb.connect(str(build(results, tmp_path / "neurons.duckdb"))) as connection:
        connection.execute("SET VARIABLE scheme = 'N_alpha'")
        for name in ("locate_neurons", "find_hurt_queries", "find_fallen_passages"):
            found = rows(connection, (QUERIES / f"{name}.sql").read_text(encoding="utf-8"))
            assert found["scheme"].unique().to_list() == ["N_alpha"]


def test_questions_about_queries_are_about_the_schemes_own_ablations(results, tmp_path):
    with duckdb.connect(str(build(results, tmp_path / "neurons.duckdb"))) as connection:
        for name in ("find_hurt_queries", "find_fallen_passages"):
            query = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
            connection.execute("RESET VARIABLE scheme")
            found = rows(connection, query)["scheme"]
            assert not found.str.contains(":|^none$|^shuffled$").any()
            connection.execute("SET VARIABLE scheme = 'mean:F_all'")
            assert rows(connection, query)["scheme"].unique().to_list() == ["mean:F_all"]


def test_stable_neurons_are_counted_over_collections(database, results):
    query = (QUERIES / "find_stable_neurons.sql").read_text(encoding="utf-8")
    first = rows(database, query).filter(label="relevant", top_percent=10.0).row(0, named=True)
    frequencies = pl.read_parquet(results / "selection_frequencies.parquet").filter(
        label="relevant",
        top_percent=10.0,
        selected=True,
        **{name: first[name] for name in ("layer", "component", "neuron")},
    )
    assert first["n_collections"] == len(frequencies) > 1
    assert first["of_collections"] == 4
    assert first["lowest_frequency"] == frequencies["frequency"].min()


def test_sign_changes_hold_in_every_collection_with_both_labels(database, results):
    query = (QUERIES / "find_sign_changes.sql").read_text(encoding="utf-8")
    found = set(rows(database, query).select("layer", "component", "neuron").iter_rows())
    scores = {
        one: pl.read_parquet(results / "neuron_scores" / one[0] / f"{one[1]}.parquet")["score"]
        for one in MAPS
        if one[0] != "delta"
    }
    expected = set()
    for index, neuron in enumerate(neuron_frame().iter_rows()):
        relevant = {score[index] > 0 for one, score in scores.items() if one[1] == "relevant"}
        other = {score[index] > 0 for one, score in scores.items() if one[1] == "non_relevant"}
        if len(relevant) == len(other) == 1 and relevant != other:
            expected.add(neuron)
    assert found == expected


def test_equivalence_is_counted_over_collections(database, results):
    query = (QUERIES / "check_equivalence.sql").read_text(encoding="utf-8")
    found = rows(database, query)
    effects = pl.read_parquet(results / "ablation_effects.parquet")
    assert found["scheme"].str.contains("^(random|matched):").all()
    assert found["n_collections"].unique().to_list() == [3]
    assert found["margin_percent"].unique().to_list() == [2]
    for row in found.iter_rows(named=True):
        of = effects.filter(scheme=row["scheme"], top_percent=row["top_percent"])
        equivalent = of["equivalent"].fill_null(False).to_list()
        significant = of["significant"].to_list()
        neither = [not a and not b for a, b in zip(equivalent, significant, strict=True)]
        counts = (row["n_equivalent"], row["n_significant"], row["n_undecided"])
        assert counts == (sum(equivalent), sum(significant), sum(neither))
        assert (row["draws_within"], row["n_draws"]) == (of["draws_within"].sum(), 3 * 3)
        assert row["greatest_loss_of_a_draw"] == of["draw_low"].min()
        assert row["greatest_p_equivalence"] == of["p_equivalence"].max()
        assert row["greatest_loss_percent"] == of["difference_percent"].min()
    assert 0 < found["n_equivalent"].sum() < found["n_collections"].sum()


def test_single_neurons_are_correlated_as_polars_does(database, results):
    query = (QUERIES / "check_single_neurons.sql").read_text(encoding="utf-8")
    found = rows(database, query)
    expected = pl.read_parquet(results / "single_neuron_correlations.parquet")
    expected = expected.filter(pl.col("component") != "all")
    assert len(found) == len(expected) == 2 * expected["component"].n_unique()
    for row in found.iter_rows(named=True):
        of = expected.filter(label=row["label"], component=row["component"]).row(0, named=True)
        for name in found.columns[2:7]:
            assert row[name] == pytest.approx(of[name]), name


def test_columns_beyond_the_contract_are_kept(results, tmp_path):
    files, keys = study_files(results)
    wider = tmp_path / "baselines.parquet"
    frame = pl.read_parquet(files["baselines"][0]).with_columns(remark=pl.lit("new"))
    frame.write_parquet(wider)
    database = tmp_path / "neurons.duckdb"
    inputs = files | {"baselines": str(wider), "sql": ["not_a_table.sql"]}
    build_database.main(inputs, database, keys, {}, {})
    with duckdb.connect(str(database)) as connection:
        assert rows(connection, "SELECT remark FROM baselines").n_unique() == 1


def test_same_files_same_content(results, tmp_path):
    first, second = (build(results, tmp_path / name) for name in ("a.duckdb", "b.duckdb"))
    with duckdb.connect() as connection:
        for name, path in (("a", first), ("b", second)):
            connection.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        for table in study_files(results)[0]:
            one, other = (rows(connection, f'FROM {name}."{table}"') for name in "ab")
            assert_frame_equal(one, other)


def test_a_failed_build_leaves_nothing(results, tmp_path):
    files, keys = study_files(results)
    with pytest.raises(ValueError, match="zip"):
        build_database.main(files, tmp_path / "x.duckdb", keys | {"pairs": ["alpha"]}, {}, {})
    assert list(tmp_path.iterdir()) == []


def test_kinds_of_tokens_stand_beside_the_scores_that_they_add_up_to(results, tmp_path):
    query = (QUERIES / "what_neurons_look_at.sql").read_text(encoding="utf-8")
    with duckdb.connect(str(build(results, tmp_path / "neurons.duckdb"))) as connection:
        strongest = rows(connection, query)
        connection.execute("SET VARIABLE scheme = 'N_alpha'")
        of_scheme = rows(connection, query)
    kinds = [f"from_{kind}" for kind in ("cls", "query", "match", "passage", "sep")]
    assert strongest.group_by("collection", "label").len()["len"].unique().to_list() == [20]
    schemes = pl.read_parquet(results / "schemes.parquet").filter(scheme="N_alpha")
    chosen = set(schemes.select("layer", "component", "neuron").iter_rows())
    assert set(of_scheme.select("layer", "component", "neuron").iter_rows()) == chosen
    assert len(of_scheme) == len(chosen) * len(MAPS)
    for one in (strongest, of_scheme):
        sizes = one.select(pl.col(kinds).abs())
        assert one["score"].to_list() == pytest.approx(one.select(kinds).sum_horizontal().to_list())
        assert one["largest_percent"].to_list() == pytest.approx(
            (100 * sizes.max_horizontal() / sizes.sum_horizontal()).to_list()
        )
    first = strongest.row(0, named=True)
    parts = pl.read_parquet(
        results / "neuron_tokens" / first["collection"] / f"{first['label']}.parquet"
    ).filter(layer=first["layer"], component=first["component"])
    whole = parts["score"].abs().sum()
    own = parts.filter(kind=first["largest_kind"])["score"].abs().sum()
    assert first["all_neurons_percent"] == pytest.approx(100 * own / whole)
    scores = pl.read_parquet(
        results / "neuron_scores" / first["collection"] / f"{first['label']}.parquet"
    )
    assert first["score"] == pytest.approx(scores["score"].max())
