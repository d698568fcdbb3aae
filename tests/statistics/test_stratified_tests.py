"""One test over several collections: against statsmodels' weights, formulas and simulation."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from relevance_neurons.statistics.stratified_tests import stratified_means, stratified_test

SAMPLE = st.lists(st.floats(-1, 1, width=16), min_size=2, max_size=9)


def by_hand(groups: list[np.ndarray]) -> tuple[float, float, int]:
    """HC3 of a mean in a collection: squared residuals / (1 - 1/n)², over n²; they add up."""
    variances = [((one - one.mean()) ** 2).sum() / (len(one) - 1) ** 2 for one in groups]
    error = np.sqrt(sum(variances)) / len(groups)
    freedom = sum(map(len, groups)) - len(groups)
    mean = np.mean([one.mean() for one in groups])
    return 2 * scipy.stats.t.sf(abs(mean) / error, freedom), error, freedom


@settings(deadline=None, max_examples=100)
@given(st.lists(SAMPLE, min_size=2, max_size=5))
def test_it_is_the_mean_of_means_with_hc3_variances(lists):
    groups = [np.array(one, dtype=float) for one in lists]
    found = stratified_test(groups, "S on out")
    if all(np.ptp(one) < 1e-12 for one in groups):
        assert found.error is None and found.p_value in (0.0, 1.0)
        return
    p_value, error, freedom = by_hand(groups)
    assert found.freedom == freedom
    assert found.error == pytest.approx(error, rel=1e-6)
    assert found.p_value == pytest.approx(p_value, rel=1e-5, abs=1e-12)


def test_collections_count_alike_whatever_their_size():
    small, large = np.array([-1.0, -0.8, -0.9]), np.tile([0.9, 1.0, 0.8, 0.9], 50)
    found = stratified_test([small, large], "S")
    assert found.p_value > 0.9  # over all queries alike it would be less than 1e-50


@pytest.mark.parametrize(("differences", "p_value"), [(0.0, 1.0), (0.1, 0.0)])
def test_equal_differences_give_the_limit_without_a_warning(differences, p_value):
    groups = [np.full(4, differences), np.full(3, differences)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert stratified_test(groups, "S") == (p_value, None, 5)


def test_a_collection_of_one_query_has_no_variance_and_the_log_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        found = stratified_test([np.array([0.1]), np.array([0.1, 0.2])], "S on out")
    assert found == (None, None, 1)
    assert "S on out: no test over collections, found one of 1 query" in caplog.text


def test_a_true_nothing_is_called_something_5_times_in_100():
    """Also where one collection varies four times as much as the others."""
    rng = np.random.default_rng(0)
    wrong = []
    for _ in range(1500):
        groups = [rng.normal(0, scale, 25) for scale in (0.05, 0.05, 0.2)]
        wrong.append(stratified_test(groups, "S").p_value <= 0.05)
    assert 0.03 <= np.mean(wrong) <= 0.07


def test_resampled_means_are_means_of_collections_own_means():
    rng = np.random.default_rng(1)
    values = [rng.uniform(size=(2, 30)), rng.uniform(size=(2, 7))]
    means = stratified_means(values, [np.random.default_rng(i) for i in (2, 3)], 20_000)
    assert means.shape == (20_000, 2)
    expected = np.mean([one.mean(axis=1) for one in values], axis=0)
    variance = sum(one.var(axis=1) / one.shape[1] for one in values) / 4
    np.testing.assert_allclose(means.mean(axis=0), expected, atol=0.002)
    np.testing.assert_allclose(means.std(axis=0), np.sqrt(variance), rtol=0.03)
