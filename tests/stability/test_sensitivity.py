"""Variants of the attribution compared in SQL and SciPy, against NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy.stats import kendalltau, spearmanr

from toys.maps import neuron_table, write_maps
from toys.synthetic_results import n_selected, shared_percent
from workflow_scripts.stability import compare_variants

LEVELS = [2, 12.5, 0.01]
MAPS = [("x", "relevant"), ("a", "relevant"), ("x", "non_relevant")]


def compare(folder, maps: dict) -> pl.DataFrame:
    """``maps``: variant -> map -> scores (64,); the first variant is the study itself."""
    files = {
        name: write_maps(folder / name, neuron_table(1, 8), scores, seed)
        for seed, (name, scores) in enumerate(maps.items())
    }
    study, *others = files
    varied = [file for name in others for file in files[name]]
    made = folder / "sensitivity.parquet"
    compare_variants.main(files[study], varied, made, others, LEVELS)
    return pl.read_parquet(made)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 10_000]))
def test_every_two_variants_of_a_map_are_compared(tmp_path_factory, seed, n_values):
    random = np.random.default_rng(seed)
    names = ["study", "zeta", "alpha"]
    maps = {
        name: {one: random.integers(0, n_values, 64).astype(float) for one in MAPS}
        for name in names
    }
    found = compare(tmp_path_factory.mktemp("variants"), maps)
    rows = []
    for one in MAPS:
        for a, b in itertools.combinations(names, 2):
            both = maps[a][one], maps[b][one]
            ranks = kendalltau(*both).statistic, spearmanr(*both).statistic
            for level in sorted(LEVELS):
                if n_selected(level, 64):
                    rows.append((*one, a, b, level, *ranks, *shared_percent(both, level)[:2]))
    assert_frame_equal(found, pl.DataFrame(rows, schema=found.schema, orient="row"))


def test_the_same_map_twice_agrees_wholly(tmp_path):
    scores = {("x", "relevant"): np.random.default_rng(0).permutation(64).astype(float)}
    found = compare(tmp_path, {"study": scores, "same": scores})
    assert found["shared_percent"].to_list() == [100.0, 100.0]
    assert found["kendall_tau"].to_list() == pytest.approx([1.0, 1.0])


def test_a_constant_map_has_no_correlation(tmp_path):
    one = ("x", "relevant")
    found = compare(tmp_path, {"study": {one: np.arange(64.0)}, "flat": {one: np.zeros(64)}})
    assert found["kendall_tau"].null_count() == len(found) > 0
