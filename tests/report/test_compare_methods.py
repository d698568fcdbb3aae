"""The table of methods against its parts, looked up one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from toys.method_studies import COLLECTIONS, LEVELS, METHODS, scheme_methods, write_methods
from workflow_scripts.report import compare_methods


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_methods(tmp_path_factory.mktemp("methods"))


@pytest.fixture(scope="module")
def methods(folder) -> pl.DataFrame:
    return pl.read_parquet(folder / "methods.parquet")


def read(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet")


def test_there_is_a_row_of_every_own_ablation(folder, methods):
    effects = read(folder, "ablation_effects").filter(~pl.col("scheme").str.contains(":"))
    key = ["scheme", "top_percent", "collection"]
    assert methods.columns[0] == "method"
    assert len(methods) == len(effects) == 5 * len(LEVELS) * len(COLLECTIONS)
    same = ["n_neurons", "difference_percent", "ci_low", "ci_high", "p_value", "p_value_holm"]
    same += ["p_value_random", "p_value_random_t", "p_value_matched", "p_value_matched_t"]
    same += ["attainable_percent", "n_queries"]
    assert methods.select(*key, *same).sort(key).equals(effects.select(*key, *same).sort(key))
    assert methods["method"].unique(maintain_order=True).to_list() == METHODS
    for scheme, method in methods.select("scheme", "method").iter_rows():
        assert method == ([*scheme.split("@"), METHODS[0]])[1]


def test_controls_and_levels_stand_beside_it(folder, methods):
    effects, changes = read(folder, "ablation_effects"), read(folder, "level_changes")
    for row in methods.iter_rows(named=True):
        place = {"top_percent": row["top_percent"], "collection": row["collection"]}
        for kind in ("random", "matched"):
            of = effects.filter(scheme=f"{kind}:{row['scheme']}", **place)["difference_percent"]
            assert row[f"{kind}_percent"] == (of.item() if len(of) else None)
        change = changes.filter(scheme=row["scheme"], **place).row(0, named=True)
        for name in ("shift", "gap_percent", "rank_correlation"):
            assert row[name] == change[name]
    controlled = 2 * len(LEVELS) * len(COLLECTIONS)
    assert methods["matched_percent"].null_count() == len(methods) - controlled


def test_what_is_of_the_method_is_a_mean_over_its_maps(folder, methods):
    correlations = read(folder, "single_neuron_correlations").filter(component="all")
    halves, overlaps = read(folder, "split_halves"), read(folder, "overlaps")
    for row in methods.iter_rows(named=True):
        method, level = row["method"], row["top_percent"]
        for sample in ("random", "strong"):
            of = correlations.filter(method=method, sample=sample)
            for end, column in (
                ("", "spearman"),
                ("_low", "spearman_low"),
                ("_high", "spearman_high"),
            ):
                expected = of[f"{column}_zero"].mean()
                found = row[f"spearman_{sample}{end}"]
                assert found == (None if expected is None else pytest.approx(expected))
        of = halves.filter(method=method, top_percent=level)["shared_percent"]
        assert row["split_halves_percent"] == pytest.approx(of.mean())
        pairs = overlaps.filter(kind="methods", top_percent=level)
        shared = [
            one["shared_percent"]
            for one in pairs.iter_rows(named=True)
            if set(one["methods"]) == {method, METHODS[0]}
        ]
        expected = pytest.approx(np.mean(shared)) if shared else None
        assert row["overlap_first_percent"] == expected
        files = [pl.read_parquet(one) for one in sorted((folder / "attribution_checks").glob("*"))]
        costs = [one["cost_forwards"] for one in files if one["method"][0] == method]
        assert row["cost_forwards"] == pytest.approx(pl.concat(costs).mean())
    assert methods.filter(method=METHODS[0])["overlap_first_percent"].null_count() > 0
    assert methods.filter(method=METHODS[1])["overlap_first_percent"].null_count() == 0


def test_a_study_of_one_method_has_no_strong_sample_and_no_other(folder, tmp_path):
    given = {name: folder / f"{name}.parquet" for name in compare_methods.FILES}
    given["attribution_checks"] = sorted((folder / "attribution_checks").glob("*"))
    for name, chosen in (
        ("ablation_effects", ~pl.col("scheme").str.contains("@")),
        ("single_neuron_correlations", pl.col("sample") == "random"),
        ("overlaps", pl.col("kind") != "methods"),
    ):
        given[name] = tmp_path / f"{name}.parquet"
        read(folder, name).filter(chosen).write_parquet(given[name])
    output = tmp_path / "methods.parquet"
    compare_methods.main(given, METHODS[:1], scheme_methods(), output)
    found = pl.read_parquet(output)
    assert found["method"].unique().to_list() == METHODS[:1]
    nothing = found.select("spearman_strong", "spearman_strong_low", "overlap_first_percent")
    assert nothing.drop_nulls().is_empty() and found["spearman_random"].null_count() == 0
