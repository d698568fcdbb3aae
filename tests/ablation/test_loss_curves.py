"""Loss curves and the areas under them, against integrals and bootstraps written out here."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from statsmodels.stats.multitest import multipletests

from relevance_neurons.ablation.curve_areas import AREAS, curve_areas, log_area_weights
from relevance_neurons.ablation.loss_curves import CURVES, loss_curves, losses
from toys.measures import NONE, measures_of, sizes_of
from workflow_scripts.ablation import measure_curves

METHODS = ["nig", "lambda", "gradient"]
LEVELS = {0.01: 2, 0.1: 20, 1.0: 200}
SIZES = {"b": 18, "c": 9}
SLOPES = {"N": 5, "N@gradient": 12, "P@gradient": 1, "P@lambda": 1}


def values_of(collection: str) -> dict:
    rng = np.random.default_rng(ord(collection))
    n = SIZES[collection]
    original = rng.uniform(0.4, 1, n)
    values = {NONE: original, ("shuffled", 0.0, 0): original / 4}
    for scheme, slope in SLOPES.items():
        for level, size in LEVELS.items():
            loss = 0.01 * slope * math.log10(size)
            values[scheme, level, 0] = original - loss - rng.exponential(0.03, n)
            values[f"bottom:{scheme}", level, 0] = original + rng.normal(0, 0.02, n)
            values[f"mean:{scheme}", level, 0] = original
            for draw in range(3):
                values[f"random:{scheme}", level, draw] = original + rng.normal(0, 0.02, n)
    return values


VALUES = {name: values_of(name) for name in SIZES}
MEASURES = pl.concat([measures_of(values, name) for name, values in VALUES.items()])
SCHEME_SIZES = {(scheme, level): n for scheme in SLOPES for level, n in LEVELS.items()}
SCHEME_SIZES |= {("bottom:N@gradient", level): n + 1 for level, n in LEVELS.items()}
SCHEME_SIZES |= {("P@lambda", 0.01): 0}


@pytest.fixture(scope="module")
def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    sizes = sizes_of(SCHEME_SIZES)
    found = list(losses(MEASURES, sizes, replicates=4000))
    return loss_curves(found, sizes, METHODS[0]), curve_areas(found, sizes, METHODS)


def percent(name: str, *cell) -> float:
    draws = [value for key, value in VALUES[name].items() if key[:2] == cell]
    original = VALUES[name][NONE].mean()
    return 100 * (np.mean(draws) - original) / original


def test_points_are_losses_of_means(tables):
    curves, _ = tables
    assert curves.schema == CURVES
    assert set(curves["ablated"]) == {"top", "bottom", "random"}  # no curve of means
    for row in curves.iter_rows(named=True):
        kind = {"top": ""}.get(row["ablated"], f"{row['ablated']}:")
        cell = (kind + row["scheme"], row["top_percent"])
        names = list(SIZES) if row["collection"] == "all" else [row["collection"]]
        expected = np.mean([percent(name, *cell) for name in names])
        assert row["difference_percent"] == pytest.approx(expected)
        assert row["ci_low"] <= row["difference_percent"] <= row["ci_high"]
        assert row["n_queries"] == sum(SIZES[name] for name in names)
        assert row["method"] == [*row["scheme"].split("@"), "nig"][1]
        size = SCHEME_SIZES.get(cell, SCHEME_SIZES[row["scheme"], row["top_percent"]])
        assert row["n_neurons"] == size
        assert row["n_draws"] == (3 if row["ablated"] == "random" else 1)
        assert (row["draw_low"] is None) == (row["ablated"] != "random")
    assert len(curves) == (4 * 3 - 1) * 3 * 3  # the empty one has no point of any kind
    originals = curves.filter(collection="all")["original"].unique()
    mean = np.mean([VALUES[name][NONE].mean() for name in SIZES])
    assert originals.to_list() == pytest.approx([mean])


def test_draws_of_all_collections_are_means_of_one_number(tables):
    curves, _ = tables
    row = curves.filter(scheme="N", ablated="random", top_percent=1.0, collection="all")
    each = []
    for draw in range(3):
        found = [VALUES[name]["random:N", 1.0, draw].mean() / VALUES[name][NONE].mean() - 1
                 for name in SIZES]  # fmt: skip
        each.append(100 * np.mean(found))
    assert row["draw_low"].item() == pytest.approx(min(each))
    assert row["draw_high"].item() == pytest.approx(max(each))


RISING = st.lists(st.integers(1, 100_000), min_size=2, max_size=6, unique=True).map(sorted)


@settings(deadline=None, max_examples=60)
@given(RISING, st.data())
def test_weights_are_the_mean_of_a_straight_line_over_the_logarithm(sizes, data):
    low = data.draw(st.integers(sizes[0], sizes[-1] - 1))
    high = data.draw(st.integers(low + 1, sizes[-1]))
    values = data.draw(
        st.lists(st.floats(-100, 10), min_size=len(sizes), max_size=len(sizes)).map(np.array)
    )
    weights = log_area_weights(sizes, low, high)
    assert weights.sum() == pytest.approx(1)
    places = np.log10(sizes)
    ends = np.log10([low, high])
    inside = [one for one in places if ends[0] < one < ends[1]]
    found, _ = quad(lambda x: np.interp(x, places, values), *ends, points=inside or None, limit=200)
    assert weights @ values == pytest.approx(found / (ends[1] - ends[0]), abs=1e-6)


def test_area_worked_by_hand():
    """Losses of 0, 10, 30 % at 1, 10, 1000 neurons: (5 · 1 + 20 · 2) / 3."""
    values = {NONE: [1.0, 1.0]}
    sizes = {}
    for level, size, left in ((0.1, 1, 1.0), (1.0, 10, 0.9), (10.0, 1000, 0.7)):
        values["S", level, 0], sizes["S", level] = [left, left], size
    frames = measures_of(values), sizes_of(sizes)
    (row,) = curve_areas(list(losses(*frames, replicates=20)), frames[1], ["m"]).to_dicts()
    assert row["area"] == pytest.approx(-15)
    assert (row["n_neurons_low"], row["n_neurons_high"]) == (1, 1000)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((-15, -15))
    assert (row["method"], row["compared_with"]) == ("m", None)


def resampled(replicates: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.integers(0, n, (replicates, n)) for name, n in SIZES.items()}


def area(name: str, scheme: str, drawn: np.ndarray) -> np.ndarray:
    """Of each replicate, over log10 of 2, 20 and 200 neurons."""
    original = VALUES[name][NONE][drawn].mean(axis=1)
    lost = [100 * (VALUES[name][scheme, level, 0][drawn].mean(axis=1) / original - 1)
            for level in LEVELS]  # fmt: skip
    return (lost[0] + 2 * lost[1] + lost[2]) / 4


@pytest.mark.parametrize("names", ["b", "bc"])
def test_areas_and_their_differences_are_resampled_together(tables, names):
    _, areas = tables
    drawn = resampled(20_000, 3)
    every = {name: np.arange(n)[None] for name, n in SIZES.items()}

    def mean(scheme: str, places: dict) -> np.ndarray:
        return np.mean([area(name, scheme, places[name]) for name in names], axis=0)

    collection = "all" if len(names) > 1 else names
    rows = areas.filter(scheme="N@gradient", ablated="top", collection=collection).to_dicts()
    alone, compared = rows
    assert (alone["compared_with"], compared["compared_with"]) == (None, "nig")
    assert alone["area"] == compared["area"] == pytest.approx(mean("N@gradient", every)[0])
    replicated = mean("N@gradient", drawn)
    low, high = np.quantile(replicated, [0.025, 0.975])
    assert alone["ci_low"] == pytest.approx(low, abs=0.05 * (high - low))
    assert alone["ci_high"] == pytest.approx(high, abs=0.05 * (high - low))
    difference = mean("N@gradient", every)[0] - mean("N", every)[0]
    assert compared["difference"] == pytest.approx(difference)
    low, high = np.quantile(replicated - mean("N", drawn), [0.025, 0.975])
    assert compared["difference_low"] == pytest.approx(low, abs=0.05 * (high - low))
    assert compared["difference_high"] == pytest.approx(high, abs=0.05 * (high - low))
    assert compared["p_value"] == pytest.approx(2 / 4001)  # far from 0 in every replicate


def test_only_what_can_be_compared_is(tables):
    _, areas = tables
    assert areas.schema == AREAS
    pairs = areas.drop_nulls("compared_with")
    told = set(pairs.select("scheme", "compared_with", "ablated").iter_rows())
    assert told == {
        (scheme, other, kind)
        for scheme, other in (("N@gradient", "nig"), ("P@gradient", "lambda"))
        for kind in ("top", "bottom")
    }
    assert len(pairs) == 4 * 3
    assert areas["method"].unique(maintain_order=True).to_list() == METHODS


def test_curves_of_other_sizes_are_compared_where_both_are(tables):
    """P of lambda has no neuron at the lowest level, the bottom of N one more at each."""
    _, areas = tables
    pair = areas.drop_nulls("compared_with").filter(collection="b")
    row = pair.filter(scheme="P@gradient", ablated="top").to_dicts()[0]
    assert (row["n_neurons_low"], row["n_neurons_high"]) == (20, 200)
    mine, theirs = (
        np.mean([percent("b", scheme, level) for level in (0.1, 1.0)])
        for scheme in ("P@gradient", "P@lambda")
    )
    assert row["difference"] == pytest.approx(mine - theirs)
    row = pair.filter(scheme="N@gradient", ablated="bottom").to_dicts()[0]
    assert (row["n_neurons_low"], row["n_neurons_high"]) == (3, 200)


def test_holm_is_over_comparisons_of_a_kind(tables):
    _, areas = tables
    for kind in ("top", "bottom"):
        for of_all in (True, False):
            family = areas.drop_nulls("p_value").filter(
                (pl.col("ablated") == kind) & ((pl.col("collection") == "all") == of_all)
            )
            assert len(family) == (2 if of_all else 4)
            expected = multipletests(family["p_value"], method="holm")[1]
            np.testing.assert_allclose(family["p_value_holm"], expected)
    assert areas.filter(pl.col("compared_with").is_null())["p_value_holm"].null_count() == len(
        areas
    ) - len(areas.drop_nulls("compared_with"))


def test_equal_curves_differ_by_nothing_with_p_1():
    original = np.random.default_rng(1).uniform(0.3, 1, 12)
    values = {NONE: original}
    for scheme in ("N", "N@gradient"):
        values |= {(scheme, level, 0): original * (1 - level / 4) for level in LEVELS}
    sizes = sizes_of(
        {(one, level): n for one in ("N", "N@gradient") for level, n in LEVELS.items()}
    )
    found = list(losses(measures_of(values), sizes, replicates=200))
    row = curve_areas(found, sizes, METHODS).drop_nulls("compared_with").to_dicts()[0]
    assert (row["difference"], row["p_value"]) == pytest.approx((0, 1), abs=1e-9)


def test_a_true_nothing_is_called_something_5_times_in_100():
    """The p-value of two methods' areas, of 40 queries each time."""
    rng = np.random.default_rng(7)
    sizes = sizes_of(
        {(one, level): n for one in ("N", "N@gradient") for level, n in LEVELS.items()}
    )
    frames = []
    for number in range(250):
        original = rng.uniform(0.3, 1, 40)
        values = {NONE: original} | {
            (one, level, 0): original - rng.exponential(0.1, 40)
            for one in ("N", "N@gradient") for level in LEVELS
        }  # fmt: skip
        frames.append(measures_of(values, f"c{number}"))
    found = list(losses(pl.concat(frames), sizes, replicates=400))[:-1]
    p_values = curve_areas(found, sizes, METHODS).drop_nulls("compared_with")["p_value"]
    assert len(p_values) == 250 and 0.02 <= (p_values <= 0.05).mean() <= 0.09


def test_one_query_a_single_level_and_no_scheme():
    values = {NONE: [0.5], ("N", 1.0, 0): [0.4]}
    sizes = sizes_of({("N", 1.0): 7})
    found = list(losses(measures_of(values), sizes, replicates=20))
    (point,) = loss_curves(found, sizes, "nig").to_dicts()
    assert point["difference_percent"] == pytest.approx(-20)
    assert (point["ci_low"], point["ci_high"]) == (None, None)
    (row,) = curve_areas(found, sizes, METHODS).to_dicts()
    assert (row["area"], row["ci_low"]) == (None, None)
    empty = list(losses(measures_of({NONE: [0.5, 0.6]}), sizes, replicates=20))
    assert (
        loss_curves(empty, sizes, "nig").is_empty() and curve_areas(empty, sizes, ["a"]).is_empty()
    )


def test_a_ranker_that_finds_nothing_has_no_percent():
    values = {NONE: [0.0, 0.0], ("N", 1.0, 0): [0.0, 0.2], ("N", 0.1, 0): [0.0, 0.1]}
    sizes = sizes_of({("N", 1.0): 7, ("N", 0.1): 2})
    found = list(losses(measures_of(values), sizes, replicates=20))
    assert loss_curves(found, sizes, "nig")["difference_percent"].null_count() == 2
    assert curve_areas(found, sizes, ["nig"])["area"].null_count() == 1


def test_script_takes_schemes_and_levels_of_curves(tmp_path):
    files = [tmp_path / f"{name}.parquet" for name in SIZES]
    for name, file in zip(SIZES, files, strict=True):
        MEASURES.filter(collection=name).drop("collection").write_parquet(file)
    sizes_of(SCHEME_SIZES).write_parquet(tmp_path / "sizes.parquet")
    made = {name: tmp_path / f"{name}.parquet" for name in ("loss_curves", "curve_areas")}
    settings = ["N", "N@gradient"], [0.01, 0.1], METHODS, 0
    measure_curves.main(files, list(SIZES), tmp_path / "sizes.parquet", *settings, made)
    curves, areas = (pl.read_parquet(made[name]) for name in made)
    assert set(curves["scheme"]) == {"N", "N@gradient"}
    assert set(curves["top_percent"]) == {0.01, 0.1}
    compared = areas.filter(collection="all").drop_nulls("p_value_holm")
    assert set(compared["ablated"]) == {"bottom", "top"} and len(compared) == 2
