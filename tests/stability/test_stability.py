"""Selection frequencies and the overlap of halves in SQL against NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from relevance_neurons.running.sql import run_sql
from relevance_neurons.statistics.map_agreement import CURVE
from toys.maps import OWN, neuron_table, write_maps
from toys.synthetic_results import MAPS, n_selected, shared_percent, top, write_synthetic_results
from workflow_scripts.stability import measure_stability

LEVELS = [2, 12.5, 100.0]


def write_lists(path: Path, one: tuple[str, str], seed: int, **lists: np.ndarray) -> Path:
    """Write lists of scores, each of shape (64, n), of the neurons of a map in a random order."""
    frame = neuron_table(1, 8).with_columns(
        collection=pl.lit(one[0]),
        label=pl.lit(one[1]),
        method=pl.lit(OWN),
        **{
            name: pl.Series(list(values.astype(np.float32))).cast(pl.List(pl.Float32))
            for name, values in lists.items()
        },
    )
    frame.sample(fraction=1, shuffle=True, seed=seed).write_parquet(path)
    return path


def run_script(folder: Path, scores: dict, replicates=None, halves=None, levels=LEVELS, seed=0):
    """Write maps (64 neurons), replicates and halves (64, n); return the script's two tables."""
    files = {"neuron_scores": write_maps(folder, neuron_table(1, 8), scores, seed)}
    for file in files["neuron_scores"]:
        pl.read_parquet(file).with_columns(n_pairs=pl.lit(10)).write_parquet(file)
    none = np.zeros((64, 0))
    files |= {"bootstrap_scores": [], "half_scores": []}
    for one in scores:
        first, second = (halves or {}).get(one, (none, none))
        path = folder / f"bootstrap_{'_'.join(one)}.parquet"
        lists = {"replicate_scores": (replicates or {}).get(one, none)}
        files["bootstrap_scores"].append(write_lists(path, one, seed + 1, **lists))
        path = folder / f"half_{'_'.join(one)}.parquet"
        lists = {"first_half": first, "second_half": second}
        files["half_scores"].append(write_lists(path, one, seed + 2, **lists))
    made = {name: folder / f"{name}.parquet" for name in ("selection_frequencies", "split_halves")}
    measure_stability.main(files, made, levels)
    return [pl.read_parquet(file) for file in made.values()]


def run(folder: Path, scores: dict, replicates: dict, levels=LEVELS, seed: int = 0) -> pl.DataFrame:
    """The frequencies."""
    return run_script(folder, scores, replicates, levels=levels, seed=seed)[0]


def frequencies(score: np.ndarray, replicates: np.ndarray, level: float) -> list[tuple]:
    """Number, frequency and whether it is selected, of the neurons of any top; in their order."""
    own = set(top(score, level))
    tops = [set(top(column, level)) for column in replicates.T]
    return [
        (one, sum(one in chosen for chosen in tops) / len(tops), one in own)
        for one in sorted(own.union(*tops))
    ]


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
            rows += [
                (*one, OWN, float(level), *neurons.row(int(index)), *values)
                for index, *values in frequencies(scores[one], replicates[one], level)
            ]
    assert_frame_equal(found, pl.DataFrame(rows, schema=found.schema, orient="row"))


def test_identical_replicates_select_the_same_neurons_always(tmp_path):
    score = np.random.default_rng(0).permutation(64).astype(float)
    one = ("x", "relevant")
    found = run(tmp_path, {one: score}, {one: np.tile(score[:, None], (1, 5))})
    assert found["frequency"].unique().to_list() == [1.0]
    opposite = run(tmp_path, {one: score}, {one: -np.tile(score[:, None], (1, 5))}, [12.5])
    assert dict(opposite.group_by("selected").agg("frequency").rows()) == {
        True: [0.0] * 8,
        False: [1.0] * 8,
    }


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
    assert found["frequency"].to_list() == [None] * 8 and found["selected"].all()


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_values=st.sampled_from([2, 6, 10_000]),
    n_halvings=st.integers(1, 6),
)
def test_overlaps_of_halves_equal_numpy(tmp_path_factory, seed, n_values, n_halvings):
    random = np.random.default_rng(seed)
    maps = [("x", "relevant"), ("a", "relevant")]
    halves = {one: random.integers(0, n_values, (2, 64, n_halvings)) for one in maps}
    scores = {one: halves[one].mean(axis=(0, 2)) for one in maps}
    folder = tmp_path_factory.mktemp("halves")
    _, found = run_script(folder, scores, halves=halves, levels=[0.1, 12.5], seed=seed % 100)
    levels = [level for level in sorted({12.5, *CURVE}) if n_selected(level, 64)]
    rows = [
        (
            *(*one, OWN, level, halving, 5),
            shared_percent([first[:, halving], second[:, halving]], level)[0],
        )
        for one, (first, second) in halves.items()
        for level in levels
        for halving in range(n_halvings)
    ]
    expected = pl.DataFrame(rows, schema=found.schema, orient="row")
    assert_frame_equal(found, expected)


def test_a_level_at_which_halves_share_nothing_is_0(tmp_path):
    one, score = ("x", "relevant"), np.arange(64.0)[:, None]
    _, found = run_script(tmp_path, {one: score[:, 0]}, halves={one: (score, -score)}, levels=[50])
    assert found.filter(top_percent=50)["shared_percent"].to_list() == [0.0]


def test_without_halvings_or_with_one_pair_there_are_no_halves(tmp_path):
    one = ("x", "relevant")
    _, found = run_script(tmp_path / "none", {one: np.arange(64.0)})
    assert found.is_empty() and "shared_percent" in found.columns
    query = Path(measure_stability.__file__).with_name("compare_halves.sql")
    maps = write_maps(tmp_path, neuron_table(1, 8), {one: np.arange(64.0)}, 0)
    pl.read_parquet(maps[0]).with_columns(n_pairs=pl.lit(1)).write_parquet(maps[0])
    nothing = np.full((64, 2), np.nan)
    lists = {"first_half": np.ones((64, 2)), "second_half": nothing}
    file = write_lists(tmp_path / "half.parquet", one, 0, **lists)
    assert run_sql(query, neuron_scores=maps[0], half_scores=file, levels=[50]).is_empty()


def test_synthetic_study(tmp_path):
    results = write_synthetic_results(tmp_path / "results")
    maps = {
        folder: [results / folder / one / f"{label}.parquet" for one, label in MAPS]
        for folder in ("neuron_scores", "bootstrap_scores", "half_scores")
    }
    made = {name: tmp_path / name for name in ("selection_frequencies", "split_halves")}
    measure_stability.main(maps, made, [1, 5, 10])
    for name, file in made.items():
        assert_frame_equal(pl.read_parquet(file), pl.read_parquet(results / f"{name}.parquet"))
