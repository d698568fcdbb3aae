"""Overlaps in SQL against Python sets, and the share expected by chance against simulation."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from relevance_neurons.errors import UserError
from toys.maps import OWN, neuron_table, write_maps
from toys.synthetic_results import (
    CURVE,
    DOMAINS,
    MAPS,
    OUTLIERS,
    chance_of_shared,
    n_selected,
    shared_percent,
    write_synthetic_results,
)
from workflow_scripts.selection import overlap_schemes

LEVELS = [2.0, 10, 25, 100]
METHODS = [OWN, "another"]


def run(folder: Path, files: list[Path], domains, outliers=(), levels=LEVELS) -> pl.DataFrame:
    """Run the rule's script; return overlaps."""
    made = folder / "overlaps.parquet"
    overlap_schemes.main(files, made, domains, METHODS, list(outliers), levels)
    return pl.read_parquet(folder / "overlaps.parquet")


def expected_sets(domains: dict[str, str], maps: list[tuple[str, str]], outliers: list[str]):
    """The sets of maps to compare: (kind, label, maps)."""
    for label in ("relevant", "non_relevant"):
        named = [one for one in domains if (one, label) in maps]
        for pair in itertools.combinations(named, 2):
            yield "pair", label, [(one, label) for one in pair]
        for scope in ("out", "all"):
            members = [one for one in named if scope == "all" or domains[one] == "out"]
            yield f"intersection_{scope}", label, [(one, label) for one in members]
            if outliers:
                kept = [(one, label) for one in members if one not in outliers]
                yield f"intersection_{scope}_without_outliers", label, kept
    for one in domains:
        yield (
            "labels",
            "both",
            [(one, lab) for lab in ("relevant", "non_relevant") if (one, lab) in maps],
        )


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_values=st.sampled_from([2, 5, 1000]),
    places=st.lists(st.sampled_from(["in", "out"]), min_size=1, max_size=4),
    labels=st.lists(st.sampled_from(["both", "relevant", "non_relevant"]), min_size=4, max_size=4),
    outliers=st.sampled_from([[], ["a"], ["a", "c"]]),
)
def test_overlaps_equal_sets(tmp_path_factory, seed, n_values, places, labels, outliers):
    random, neurons = np.random.default_rng(seed), neuron_table(2, 8)
    domains = dict(zip("dacb", places, strict=False))
    scores = {
        (collection, label): random.integers(0, n_values, len(neurons)).astype(float)
        for collection, given in zip(domains, labels, strict=False)
        for label in (["relevant", "non_relevant"] if given == "both" else [given])
    }
    folder = tmp_path_factory.mktemp("overlaps")
    found = run(folder, write_maps(folder, neurons, scores, seed % 100), domains, outliers)
    levels = [one for one in sorted({*LEVELS, *CURVE}) if n_selected(one, len(neurons))]
    expected = {}
    for kind, label, maps in expected_sets(domains, list(scores), outliers):
        if len(maps) > 1:
            collections = tuple(dict.fromkeys(one for one, _ in maps))
            for level in levels:
                value = shared_percent([scores[one] for one in maps], level)
                expected[kind, label, collections, level] = value
    rows = {(a, b, tuple(c), d): (e, f, h) for a, b, c, d, e, f, _, h, *_ in found.iter_rows()}
    assert len(rows) == len(found)
    assert rows.keys() == expected.keys()
    for key, value in expected.items():
        assert rows[key] == pytest.approx(value)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_overlaps_are_symmetric_bounded_and_grow_with_the_level(tmp_path_factory, seed, share):
    random, neurons = np.random.default_rng(seed), neuron_table(2, 8)
    common = random.standard_normal(len(neurons))
    noise = {one: random.standard_normal(len(neurons)) for one in "abc"}
    scores = {(a, "relevant"): share * common + (1 - share) * one for a, one in noise.items()}
    folder = tmp_path_factory.mktemp("overlaps")
    files = write_maps(folder, neurons, scores)
    found = run(folder, files, dict.fromkeys("abc", "out"))
    turned = run(folder, files[::-1], dict.fromkeys("cba", "out"))
    sort = pl.col("collections").list.sort()
    order = ["kind", "collections", "top_percent"]
    assert_frame_equal(found.with_columns(sort).sort(order), turned.with_columns(sort).sort(order))
    assert found["shared_percent"].is_between(0, 100).all()
    for _, curve in found.group_by("kind", "label", "collections"):
        curve = curve.sort("top_percent")
        assert (curve["n_shared"].diff().drop_nulls() >= 0).all()
        assert curve["shared_percent"][-1] == curve["expected_percent"][-1] == 100
    pairs = found.filter(pl.col("kind") == "pair").group_by("top_percent").agg(pl.min("n_shared"))
    every = found.filter(pl.col("kind") == "intersection_all").join(pairs, on="top_percent")
    assert (every["n_shared"] <= every["n_shared_right"]).all()


def test_synthetic_study(tmp_path):
    results = write_synthetic_results(tmp_path / "results")
    files = [results / "neuron_scores" / one / f"{label}.parquet" for one, label in MAPS]
    found = run(tmp_path, files, DOMAINS, OUTLIERS, [1, 5, 10])
    assert_frame_equal(found, pl.read_parquet(results / "overlaps.parquet"))


def test_methods_are_compared_map_by_map_and_each_by_itself(tmp_path):
    """Under another name in the study's order a method has the overlaps that it has alone."""
    random, neurons = np.random.default_rng(5), neuron_table(2, 8)
    maps = [(name, label) for name in "ab" for label in ("relevant", "non_relevant")]
    scores = {one: random.standard_normal(len(neurons)) for one in maps}
    others = {(*one, "another"): random.standard_normal(len(neurons)) for one in maps[:3]}
    domains = dict.fromkeys("ab", "out")
    found = run(tmp_path, write_maps(tmp_path, neurons, scores | others), domains)
    between = found.filter(kind="methods")
    assert between["method"].null_count() == len(between)
    assert between["methods"].unique().to_list() == [METHODS]
    rows = {(c[0], lab, level): share for _, lab, c, level, share, *_ in between.iter_rows()}
    assert {one[:2] for one in rows} == set(maps[:3])
    for (collection, label, level), share in rows.items():
        both = [scores[collection, label], others[collection, label, "another"]]
        assert share == pytest.approx(shared_percent(both, level)[0])
    for method, own in ((OWN, scores), ("another", {one[:2]: s for one, s in others.items()})):
        (folder := tmp_path / method).mkdir()
        alone = run(folder, write_maps(folder, neurons, own), domains).drop("method", "methods")
        of_method = found.filter(method=method).drop("method", "methods")
        assert len(alone) and of_method.equals(alone)


def test_expected_share_of_random_pairs(tmp_path):
    """1,225 pairs of independent random maps share what the formula says, on average."""
    random, neurons = np.random.default_rng(1), neuron_table(2, 20)
    names = [f"c{number:02d}" for number in range(50)]
    scores = {(name, "relevant"): random.standard_normal(len(neurons)) for name in names}
    found = run(tmp_path, write_maps(tmp_path, neurons, scores), dict.fromkeys(names, "out"))
    pairs = found.filter((pl.col("kind") == "pair") & (pl.col("top_percent") == 25))
    error = pairs["shared_percent"].std() / np.sqrt(len(pairs))
    assert len(pairs) == 1225
    assert pairs["expected_percent"].unique().to_list() == [25]
    assert abs(pairs["shared_percent"].mean() - 25) < 4 * error


def test_expected_share_of_three_random_maps(tmp_path):
    random, neurons = np.random.default_rng(2), neuron_table(1, 20)
    n_neurons, m = len(neurons), 64
    scores = {(name, "relevant"): random.standard_normal(n_neurons) for name in "abc"}
    files = write_maps(tmp_path, neurons, scores)
    found = run(tmp_path, files, dict.fromkeys("abc", "out"), levels=[40])
    every = found.filter((pl.col("kind") == "intersection_all") & (pl.col("top_percent") == 40))
    drawn = random.permuted(np.tile(np.arange(n_neurons), (4000, 3, 1)), axis=2) < m
    shares = 100 * drawn.all(axis=1).sum(axis=1) / m
    error = shares.std() / np.sqrt(len(shares))
    assert every["n_selected"].to_list() == [m]
    assert abs(every["expected_percent"][0] - shares.mean()) < 4 * error


def test_chance_stands_beside_every_overlap(tmp_path):
    random, neurons = np.random.default_rng(3), neuron_table(2, 8)
    maps = [(name, label) for name in "abc" for label in ("relevant", "non_relevant")]
    scores = {one: random.standard_normal(len(neurons)) for one in maps}
    files = write_maps(tmp_path, neurons, scores)
    found = run(tmp_path, files, dict.fromkeys("abc", "out"), levels=[10, 30])
    names = ["n_selected", "n_shared", "expected_low", "expected_high", "p_value_chance"]
    assert found.columns[-7:] == [*names, "method", "methods"]
    for row in found.iter_rows(named=True):
        n_maps = 2 if row["kind"] in ("pair", "labels") else 3
        key = (len(neurons), row["n_selected"], n_maps, row["n_shared"])
        assert [row[name] for name in names[2:]] == pytest.approx(chance_of_shared(*key))
        assert row["expected_low"] <= row["expected_percent"] <= row["expected_high"] + 100 / key[1]


def test_maps_of_different_rankers_are_refused(tmp_path):
    random = np.random.default_rng(0)
    for name, size in (("a", 20), ("b", 21)):
        neurons = neuron_table(1, size)
        write_maps(tmp_path, neurons, {(name, "relevant"): random.standard_normal(len(neurons))})
    files = sorted(tmp_path.glob("*.parquet"))
    with pytest.raises(UserError, match="168 neurons are not the 160 neurons"):
        run(tmp_path, files, {"a": "in", "b": "out"})
