"""Chance of overlaps: against every choice of sets, simulation, SciPy, and at the paper's size."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
import scipy.stats

from relevance_neurons.statistics.chance import (
    SMALLEST_P,
    _hypergeometric,
    intersection_sizes,
    interval,
    p_value,
    pair_interval,
    pair_p_value,
    with_chance,
)

N_PAPER = 221_184
CURVE = [round(level * N_PAPER / 100) for level in np.geomspace(0.01, 10, 34)]


@pytest.mark.parametrize(("n", "m", "k"), [(5, 2, 2), (5, 2, 3), (6, 4, 2), (5, 4, 4), (4, 4, 3)])
def test_distribution_counts_every_choice_of_sets(n, m, k):
    subsets = [set(one) for one in itertools.combinations(range(n), m)]
    # The first set may be held: which one it is makes no difference.
    sizes = [
        len(subsets[0].intersection(*others)) for others in itertools.product(subsets, repeat=k - 1)
    ]
    expected = np.bincount(sizes, minlength=m + 1) / len(sizes)
    first, probabilities = intersection_sizes(n, m, k)
    found = np.zeros(m + 1)
    found[first : first + len(probabilities)] = probabilities
    np.testing.assert_allclose(found, expected, atol=1e-13)
    for observed in range(m + 1):
        assert p_value(n, m, k, observed) == pytest.approx(
            max(expected[observed:].sum(), SMALLEST_P)
        )


@pytest.mark.parametrize(("n", "m", "k"), [(300, 60, 2), (300, 60, 3), (200, 120, 5)])
def test_distribution_equals_simulation(n, m, k):
    random = np.random.default_rng(0)
    masks = np.ones((20_000, n), dtype=bool)
    for _ in range(k):
        masks &= random.permuted(np.tile(np.arange(n), (20_000, 1)), axis=1) < m
    sizes = masks.sum(axis=1)
    first, probabilities = intersection_sizes(n, m, k)
    for size in np.unique(sizes):
        error = np.sqrt(max(probabilities[size - first], 1e-4) / len(sizes))
        assert np.mean(sizes == size) == pytest.approx(probabilities[size - first], abs=5 * error)
    low, high = interval(n, m, k)
    assert np.mean((sizes >= low) & (sizes <= high)) >= 0.945
    assert np.mean((sizes > low) & (sizes < high)) <= 0.955


@pytest.mark.parametrize(("n", "m"), [(7, 3), (500, 20), (500, 499), (20_736, 207)])
def test_one_more_set_keeps_a_hypergeometric_number(n, m):
    """SciPy's, also for what cannot be."""
    kept, sizes = np.arange(-1, 60), np.array([[0], [1], [m // 2], [m]])
    found = _hypergeometric(kept, n, sizes, m)
    expected = scipy.stats.hypergeom.pmf(kept, n, sizes, m)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-300)


def test_two_sets_are_hypergeometric():
    for m in (22, 2212, 22_118):
        chance = scipy.stats.hypergeom(N_PAPER, m, m)
        assert interval(N_PAPER, m, 2) == tuple(chance.ppf([0.025, 0.975]).astype(int))
        for observed in chance.ppf([0.1, 0.5, 0.999, 0.9999999]).astype(int):
            expected = chance.sf(observed - 1)
            assert p_value(N_PAPER, m, 2, observed) == pytest.approx(expected, rel=1e-6)


def test_nothing_is_lost_at_the_paper_s_size():
    intersection_sizes.cache_clear()
    for m, k in itertools.product(CURVE, range(1, 15)):
        first, probabilities = intersection_sizes(N_PAPER, m, k)
        assert probabilities.sum() == pytest.approx(1, abs=1e-13)
        mean = np.arange(first, first + len(probabilities)) @ probabilities
        assert mean == pytest.approx(m * (m / N_PAPER) ** (k - 1), rel=1e-8, abs=1e-10)


def test_more_shared_neurons_are_less_likely_down_to_the_bound():
    found = [p_value(N_PAPER, 2212, 2, shared) for shared in (0, 22, 50, 500, 2212)]
    assert found[0] == pytest.approx(1, abs=1e-14)
    assert sorted(found, reverse=True) == found
    assert found[-2:] == [SMALLEST_P] * 2
    assert p_value(N_PAPER, 22, 14, 1) == SMALLEST_P


def test_columns_are_percent_of_the_selected_neurons():
    overlaps = pl.DataFrame(
        {"n_neurons": [N_PAPER] * 2, "n_selected": [22_118] * 2, "n_maps": 2, "n_shared": [0, 2212]}
    )
    found = with_chance(overlaps)
    assert found.columns == [
        *overlaps.columns,
        *("expected_low", "expected_high", "p_value_chance"),
    ]
    low, high = interval(N_PAPER, 22_118, 2)
    assert found["expected_low"].to_list() == [100 * low / 22_118] * 2
    assert found["expected_high"].to_list() == [100 * high / 22_118] * 2
    assert found["p_value_chance"].to_list() == [
        p_value(N_PAPER, 22_118, 2, 0),
        p_value(N_PAPER, 22_118, 2, 2212),
    ]
    assert with_chance(overlaps.clear()).is_empty()


@pytest.mark.parametrize(("n", "m", "k"), [(5, 6, 2), (5, 0, 2), (5, 2, 0)])
def test_sets_that_cannot_be_are_refused(n, m, k):
    with pytest.raises(ValueError, match="expected k >= 1 and 0 < m <= n"):
        intersection_sizes(n, m, k)


@pytest.mark.parametrize(
    ("n", "one", "other"), [(60, 10, 12), (768, 64, 300), (9216, 92, 832), (10, 9, 3), (5, 4, 4)]
)
def test_two_sets_of_different_sizes_are_hypergeometric(n, one, other):
    law = scipy.stats.hypergeom(n, one, other)
    assert pair_interval(n, one, other) == tuple(law.ppf([0.025, 0.975]))
    assert pair_interval(n, one, other) == pair_interval(n, other, one)
    assert pair_interval(n, n, other) == (other, other)
    for observed in {0, max(0, one + other - n), int(law.mean()), int(law.ppf(0.999))}:
        expected = max(law.sf(observed - 1), 1e-12)
        assert pair_p_value(n, one, other, observed) == pytest.approx(expected, rel=1e-8)


def test_two_sets_of_one_size_are_as_before():
    assert pair_interval(500, 40, 40) == interval(500, 40, 2)
    assert pair_p_value(500, 40, 40, 7) == pytest.approx(p_value(500, 40, 2, 7), rel=1e-12)


@pytest.mark.parametrize(("one", "other"), [(0, 3), (3, 0), (11, 3)])
def test_two_sets_that_cannot_be_are_refused(one, other):
    with pytest.raises(ValueError, match=r"expected 0 < one, other <= n"):
        pair_interval(10, one, other)
