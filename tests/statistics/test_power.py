"""The smallest difference that a test finds, against the t-test's power by integration."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from relevance_neurons.statistics.power import detectable

SHARES = (np.arange(20_000) + 0.5) / 20_000


def power(difference: float, freedom: int, alpha: float) -> float:
    """Of a two-sided t-test, the error being 1: the mean over all that its estimate may be."""
    critical = scipy.stats.t.isf(alpha / 2, freedom)
    estimates = np.sqrt(scipy.stats.chi2.ppf(SHARES, freedom) / freedom)
    above = scipy.stats.norm.sf(critical * estimates - difference)
    return np.mean(above + scipy.stats.norm.cdf(-critical * estimates - difference))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 2000), st.floats(1e-6, 0.1))
def test_the_test_finds_it_80_times_in_100(freedom, alpha):
    assert power(detectable(1.0, freedom, alpha), freedom, alpha) == pytest.approx(0.8, abs=1e-4)


@pytest.mark.parametrize("n", [2, 5, 25])
def test_it_is_found_80_times_in_100_in_a_simulation(n):
    rng = np.random.default_rng(n)
    true = detectable(2 / np.sqrt(n), n - 1, 0.05)
    samples = rng.normal(true, 2, (20_000, n))
    p_values = scipy.stats.ttest_1samp(samples, 0, axis=1).pvalue
    assert np.mean(p_values <= 0.05) == pytest.approx(0.8, abs=0.012)


def test_it_is_in_units_of_the_error_and_grows_with_the_tests():
    assert detectable(3.0, 24, 0.05) == pytest.approx(3 * detectable(1.0, 24, 0.05))
    assert detectable(1.0, 24, 0.05 / 40) > detectable(1.0, 24, 0.05)


@pytest.mark.parametrize(("error", "freedom"), [(None, 24), (1.0, 0), (1.0, -1)])
def test_without_an_error_nothing_is_known(error, freedom):
    assert detectable(error, freedom, 0.05) is None


def test_what_the_noncentral_t_has_no_number_for_is_null():
    assert detectable(1.0, 1, 1e-9) is None
