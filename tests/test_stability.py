"""Selection frequencies in SQL against NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import measure_stability
from synthetic_results import MAPS, top, write_synthetic_results
from test_selection import neuron_table, write_maps

LEVELS = [2, 12.5, 100.0]


def run(folder: Path, scores: dict, replicates: dict, levels=LEVELS, seed: int = 0) -> pl.DataFrame:
    """Write maps (64 neurons) and replicates (64, n); run the rule's script."""
    neurons, bootstrap = neuron_table(1, 8), []
    files = write_maps(folder, neurons, scores, seed)
    for collection, label in scores:
        bootstrap.append(folder / f"bootstrap_{collection}_{label}.parquet")
        lists = list(replicates[collection, label].astype(np.float32))
        frame = neurons.with_columns(
            collection=pl.lit(collection),
            label=pl.lit(label),
            replicate_scores=pl.Series(lists).cast(pl.List(pl.Float32)),
        )
        frame.sample(fraction=1, shuffle=True, seed=seed + 1).write_parquet(bootstrap[-1])
    measure_stability.main(files, bootstrap, folder / "frequencies.parquet", levels)
    return pl.read_parquet(folder / "frequencies.parquet")


def frequencies(score: np.ndarray, replicates: np.ndarray, level: float) -> list[float]:
    """Frequency of each selected neuron, in the order of the neurons."""
    tops = [set(top(column, level)) for column in replicates.T]
    return [sum(one in chosen for chosen in tops) / len(tops) for one in sorted(top(score, level))]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_values=st.sampled_from([2, 6, 10_000]),
    n_replicates=st.integers(1, 12),
)
def test_frequencies_equal_numpy(tmp_path_factory, seed, n_values, n_replicates):
    random = np.random.default_rng(seed)
    maps = [("x", "relevant"), ("x", "non_relevant"), ("a", "relevant")]
    replicates = {one: random.integers(0, n_values, (64, n_replicates)) for one in maps}
    scores = {one: random.integers(0, n_values, 64).astype(float) for one in maps}
    folder = tmp_path_factory.mktemp("stability")
    found = run(folder, scores, replicates, seed=seed % 100)
    neurons, rows = neuron_table(1, 8), []
    for one in maps:
        for level in LEVELS:
            chosen = sorted(top(scores[one], level))
            values = frequencies(scores[one], replicates[one], level)
            rows += [
                (*one, float(level), *neurons.row(int(index)), value)
                for index, value in zip(chosen, values, strict=True)
            ]
    assert_frame_equal(found, pl.DataFrame(rows, schema=found.schema, orient="row"))


def test_identical_replicates_select_the_same_neurons_always(tmp_path):
    score = np.random.default_rng(0).permutation(64).astype(float)
    one = ("x", "relevant")
    found = run(tmp_path, {one: score}, {one: np.tile(score[:, None], (1, 5))})
    assert found["frequency"].unique().to_list() == [1.0]
    opposite = run(tmp_path, {one: score}, {one: -np.tile(score[:, None], (1, 5))}, [12.5])
    assert opposite["frequency"].unique().to_list() == [0.0]


def test_replicates_without_a_pair_do_not_count(tmp_path):
    random, one = np.random.default_rng(0), ("x", "relevant")
    replicates = random.standard_normal((64, 6))
    score = replicates.mean(axis=1)
    expected = run(tmp_path / "whole", {one: score}, {one: replicates})
    empty = np.insert(replicates, 2, np.nan, axis=1)
    assert_frame_equal(run(tmp_path / "empty", {one: score}, {one: empty}), expected)


def test_without_replicates_there_is_no_frequency(tmp_path):
    one = ("x", "relevant")
    found = run(tmp_path, {one: np.arange(64.0)}, {one: np.zeros((64, 0))}, [12.5])
    assert found["frequency"].to_list() == [None] * 8


def test_synthetic_study(tmp_path):
    results = write_synthetic_results(tmp_path / "results")
    scores, replicates = (
        [results / folder / one / f"{label}.parquet" for one, label in MAPS]
        for folder in ("neuron_scores", "bootstrap_scores")
    )
    output = tmp_path / "selection_frequencies.parquet"
    measure_stability.main(scores, replicates, output, [1, 5, 10])
    expected = pl.read_parquet(results / "selection_frequencies.parquet")
    assert_frame_equal(pl.read_parquet(output), expected)
