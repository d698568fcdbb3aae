"""The database of a study of several methods: its questions, and that maps stay apart."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from relevance_neurons.report.database import build_database
from toys import method_studies
from toys.databases import QUERIES, build, rows, study_files
from toys.synthetic_results import MAPS, neuron_frame, write_synthetic_results
from workflow_scripts.report import build_database as script

SQL = Path(script.__file__).parent
OTHER = "other"
"""A second method, whose maps are those of the first with the signs turned."""


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return method_studies.write_methods(tmp_path_factory.mktemp("methods"))


@pytest.fixture(scope="module")
def database(study, tmp_path_factory):
    """Of the tables that methods have in files, without any other."""
    names = [*method_studies.NEW, "ablation_effects", "scheme_sizes"]
    files = {name: [study / f"{name}.parquet"] for name in names}
    output = tmp_path_factory.mktemp("database") / "neurons.duckdb"
    build_database(output, SQL, files, {}, {}, {})
    with duckdb.connect(str(output), read_only=True) as connection:
        yield connection


def ask(database, name: str) -> pl.DataFrame:
    return rows(database, (QUERIES / f"{name}.sql").read_text(encoding="utf-8"))


def test_losses_of_methods_stand_beside_each_other(database, study):
    methods = pl.read_parquet(study / "methods.parquet").filter(top_percent=10.0)
    found = rows(database, "FROM method_losses(10)")
    assert len(found) == len(methods) == 15
    assert found["family"].unique().sort().to_list() == ["D_alpha", "N_alpha", "P_alpha"]
    for _, cell in found.group_by("family", "collection"):
        assert cell["difference_percent"].is_sorted()
    asked = ask(database, "compare_methods").filter(top_percent=10.0)
    for row in asked.iter_rows(named=True):
        of = methods.filter(
            pl.col("scheme").str.split("@").list.first() == row["family"], method=row["method"]
        )
        assert row["n_collections"] == len(of) == 3
        assert row["mean_difference_percent"] == pytest.approx(of["difference_percent"].mean())
        assert row["n_significant_holm"] == (of["p_value_holm"] <= 0.05).sum()
        assert row["n_below_random"] == (of["p_value_random_t"] <= 0.05).sum()
        assert row["spearman_strong"] == of["spearman_strong"][0]


def test_a_curve_is_that_of_its_scheme(database, study):
    curves = pl.read_parquet(study / "loss_curves.parquet").filter(scheme="N_alpha@gradient")
    found = rows(database, "FROM loss_curve('N_alpha@gradient')")
    assert len(found) == len(curves) == 4 * 4 * 3
    expected = curves.select(found.columns).sort("collection", "ablated", "n_neurons")
    assert_frame_equal(found, expected, check_dtypes=False)


def test_transfer_is_a_matrix_of_single_collections(study, tmp_path):
    """An intersection of a single collection is not that collection's own scheme."""
    sizes = pl.read_parquet(study / "scheme_sizes.parquet")
    effects = pl.read_parquet(study / "ablation_effects.parquet")
    name = pl.col("scheme").str
    more = [effects]
    for scheme in ("N_and_out", "N_beta@gradient"):
        own = effects.filter(scheme="N_alpha")
        more.append(own.with_columns(scheme=pl.lit(scheme)))
        of = sizes.filter(scheme="N_alpha").with_columns(
            scheme=pl.lit(scheme),
            collections=pl.lit(["beta"] if "beta" in scheme else ["alpha"], pl.List(pl.String)),
        )
        sizes = pl.concat([sizes, of])
    sizes.write_parquet(tmp_path / "sizes.parquet")
    pl.concat(more).write_parquet(tmp_path / "effects.parquet")
    files = {
        "scheme_sizes": tmp_path / "sizes.parquet",
        "ablation_effects": tmp_path / "effects.parquet",
    }
    build_database(tmp_path / "neurons.duckdb", SQL, files, {}, {}, {})
    with duckdb.connect(str(tmp_path / "neurons.duckdb")) as connection:
        found = rows(connection, "FROM transfer('N', 10)")
    places = found.select("scheme", "found_on", "switched_off_on")
    schemes = {"N_alpha": "alpha", "N_alpha@gradient": "alpha", "N_beta@gradient": "beta"}
    tests = list(method_studies.COLLECTIONS)
    assert sorted(places.rows()) == sorted(
        (scheme, of, test) for scheme, of in schemes.items() for test in tests
    )
    plain = effects.filter(~name.contains(":"), top_percent=10.0)
    for scheme, _, test, n, percent, *_ in found.filter(found_on="alpha").iter_rows():
        row = plain.filter(scheme=scheme, collection=test).row(0, named=True)
        assert (n, percent) == (row["n_neurons"], row["difference_percent"])


def test_helpful_removals_are_gains_with_an_interval_above_0(database, study):
    found = ask(database, "find_helpful_removals")
    effects = pl.read_parquet(study / "ablation_effects.parquet")
    bottom = effects.filter(pl.col("scheme").str.starts_with("bottom:"), pl.col("ci_low") > 0)
    curves = pl.read_parquet(study / "loss_curves.parquet")
    of_curves = curves.filter(pl.col("ci_low") > 0, ablated="bottom")
    tested, only_curves = found.drop_nulls("p_value"), found.filter(pl.col("p_value").is_null())
    assert len(tested) == len(bottom) > 0
    assert (tested["ci_low"] > 0).all() and tested["p_value_holm"].is_sorted()
    level = pl.col("top_percent").is_in(method_studies.LEVELS)
    expected = of_curves.filter((pl.col("collection") == "all") | ~level)
    assert len(only_curves) == len(expected) > 0
    assert set(only_curves["scheme"]) <= set(method_studies.SCHEMES)


def test_level_and_difference_are_told_apart(database, study):
    found = ask(database, "separate_level_from_difference")
    changes = pl.read_parquet(study / "level_changes.parquet")
    controls = pl.read_parquet(study / "level_controls.parquet")
    own = changes.filter(~pl.col("scheme").str.contains(":"))
    assert len(found) == len(own) == 5 * 3 * 3
    columns = {f"{kind}_{way}_percent": (kind, way) for kind in ("random", "bottom")
               for way in ("up", "down")}  # fmt: skip
    for row in found.iter_rows(named=True):
        cell = {name: row[name] for name in ("scheme", "top_percent", "collection")}
        assert row["shift"] == own.filter(**cell)["shift"].item()
        for column, (kind, way) in columns.items():
            of = controls.filter(pl.col("control").str.starts_with(kind), direction=way, **cell)[
                "control_difference_percent"
            ]
            assert row[column] == (of.item() if len(of) else None)


def test_maps_of_two_methods_are_not_mixed(tmp_path):
    results = write_synthetic_results(tmp_path / "results")
    files, _ = study_files(results)
    twice = {"neuron_scores", "attribution_checks", "selection_frequencies", "split_halves"}
    twice |= {"single_neurons", "single_neuron_correlations"}
    for table in twice:
        for file in list(files[table]):
            frame = pl.read_parquet(file).with_columns(method=pl.lit("nig"))
            turned = frame.with_columns(method=pl.lit(OTHER))
            if table in ("neuron_scores", "single_neurons"):
                turned = turned.with_columns(score=-pl.col("score"))
            pl.concat([frame, turned]).write_parquet(file)
    for file in files["sensitivity"]:
        pl.read_parquet(file).with_columns(method=pl.lit("nig")).write_parquet(file)
    with duckdb.connect(str(build(results, tmp_path / "neurons.duckdb"))) as both:
        profile = rows(both, "FROM neuron_profile(1, 'intermediate', 3)")
        assert len(profile) == 2 * len(MAPS)
        assert set(profile["n_neurons"]) == {len(neuron_frame())}
        first, other = (profile.filter(method=name) for name in ("nig", OTHER))
        assert (first["rank"] + other["rank"] == len(neuron_frame()) + 1).all()
        stable = ask(both, "find_stable_neurons")
        assert stable["of_collections"].max() == 4
        assert len(stable.filter(method="nig")) == len(stable.filter(method=OTHER)) > 0
        changes = ask(both, "find_sign_changes")
        assert changes["n_collections"].max() == 3  # those with both labels
        assert set(changes["method"]) == {"nig", OTHER}
        single = ask(both, "check_single_neurons")
        rho = single.pivot("method", index=["label", "component"], values="spearman_zero")
        assert rho["nig"].to_list() == pytest.approx((-rho[OTHER]).to_list())
        assert single["n_neurons"].max() == 12
        variants = ask(both, "compare_variants")
        assert len(variants) == 3 * 2 * 3 and variants["halves_percent"].null_count() == 0
        assert set(ask(both, "check_attribution")["method"]) == {"nig", OTHER}


def test_a_study_without_methods_has_a_database_whose_questions_are_answered(tmp_path):
    output = tmp_path / "neurons.duckdb"
    build_database(output, SQL, {"methods": [], "loss_curves": []}, {}, {}, {})
    macros = ["method_losses(1)", "loss_curve('N_x')", "transfer('N', 1)"]
    names = ["compare_methods", "find_helpful_removals", "separate_level_from_difference"]
    with duckdb.connect(str(output), read_only=True) as connection:
        for one in macros:
            assert rows(connection, f"FROM {one}").is_empty()
        for name in names:
            assert ask(connection, name).is_empty()
