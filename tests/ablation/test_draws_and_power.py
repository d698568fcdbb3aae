"""A scheme as one more draw, what a row could have found, levels and the other end of a ranking."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats
import statsmodels.api as sm
from statsmodels.stats.power import TTestPower

from relevance_neurons.ablation.significance import EFFECTS, ablation_effects
from relevance_neurons.statistics.paired_tests import as_one_more_draw_p
from toys.measures import NONE, measures_of, sizes_of


def effect(values: dict) -> dict:
    """The row of scheme S at 1 %."""
    effects = ablation_effects(measures_of(values), sizes_of({("S", 1.0): 5}), replicates=50)
    return effects.row(by_predicate=pl.col("scheme") == "S", named=True)


def dummy_p(observed: float, draws: np.ndarray) -> float:
    """The same as the coefficient of a dummy of the one that is observed, lower than the rest."""
    values = np.append(draws, observed)
    design = np.column_stack([np.ones(len(values)), np.arange(len(values)) == len(draws)])
    fitted = sm.OLS(values, design.astype(float)).fit()
    return float(scipy.stats.t.cdf(fitted.tvalues[1], fitted.df_resid))


@pytest.mark.parametrize("n", [3, 5, 50])
@pytest.mark.parametrize("observed", [0.2, 0.47, 0.6])
def test_one_more_draw_equals_a_regression_on_a_dummy(n, observed):
    draws = np.random.default_rng(n).normal(0.5, 0.03, n)
    assert as_one_more_draw_p(observed, draws) == pytest.approx(dummy_p(observed, draws), rel=1e-6)


def test_one_more_draw_is_called_lower_5_times_in_100():
    rng = np.random.default_rng(1)
    samples = rng.normal(0.5, 0.03, (4000, 6))
    found = [as_one_more_draw_p(one[0], one[1:]) for one in samples]
    assert 0.04 <= np.mean(np.array(found) <= 0.05) <= 0.06


@pytest.mark.parametrize("draws", [[0.5, 0.6], [0.5], [0.5, 0.5, 0.5, 0.5]])
def test_few_or_equal_draws_have_no_spread_to_judge_by(draws):
    assert as_one_more_draw_p(0.1, np.array(draws)) is None


def test_a_rows_t_is_of_its_own_draws():
    values = {NONE: [1.0, 1.0], ("S", 1.0, 0): [0.5, 0.7]}
    means = {"random": [0.9, 0.95, 1.0], "matched": [0.7, 0.9]}
    for kind, draws in means.items():
        values |= {(f"{kind}:S", 1.0, i): [x - 0.1, x + 0.1] for i, x in enumerate(draws)}
    found = effect(values)
    assert found["p_value_random_t"] == pytest.approx(dummy_p(0.6, np.array(means["random"])))
    assert found["p_value_matched_t"] is None  # two draws
    assert found["p_value_matched"] == pytest.approx(1 / 3)


def test_detectable_is_statsmodels_solution_where_that_is_right():
    rng = np.random.default_rng(2)
    original = rng.uniform(0.3, 1, 25)
    values = {NONE: original} | {
        (kind, 1.0, 0): original - rng.exponential(0.05, 25) for kind in ("S", "random:S", "zero:S")
    }
    found = effect(values)
    deviation = (values["S", 1.0, 0] - original).std(ddof=1)
    for name, alpha in (("detectable_percent", 0.05), ("detectable_holm_percent", 0.05 / 2)):
        size = TTestPower().solve_power(nobs=25, alpha=alpha, power=0.8)
        expected = 100 * size * deviation / original.mean()
        assert found[name] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "values",
    [
        {NONE: [0.5], ("S", 1.0, 0): [0.4]},
        {NONE: [0.5, 0.6, 0.7], ("S", 1.0, 0): [0.4, 0.5, 0.6]},
        {NONE: [0.0, 0.0], ("S", 1.0, 0): [0.0, 0.2]},
    ],
    ids=["one query", "equal differences", "nothing found"],
)
def test_what_a_row_could_have_found_is_null_where_it_is_not_defined(values):
    found = effect(values)
    assert found["detectable_percent"] is found["detectable_holm_percent"] is None


def test_levels_of_curves_alone_are_not_tested():
    rng = np.random.default_rng(3)
    original = rng.uniform(0.3, 1, 12)
    values = {NONE: original, ("shuffled", 0.0, 0): original / 3}
    for level in (0.1, 0.5, 1.0):
        values["S", level, 0] = original - rng.uniform(0, 0.2, 12)
    sizes = sizes_of({("S", 0.1): 3, ("S", 0.5): 9, ("S", 1.0): 20, ("E", 0.5): 0, ("E", 1.0): 0})
    found = ablation_effects(measures_of(values), sizes, replicates=50, levels=[0.1, 1])
    assert set(found["top_percent"]) == {0.1, 1.0}
    assert found.filter(scheme="E")["top_percent"].to_list() == [1.0]
    tested = found.drop_nulls("p_value").sort("p_value")
    first, second = tested["p_value"]
    assert tested["p_value_holm"].to_list() == pytest.approx([2 * first, max(2 * first, second)])
    assert found["floor"].drop_nulls().len() == 2  # the shuffled pools have no level


def test_the_other_end_is_a_family_with_sizes_of_its_own():
    rng = np.random.default_rng(4)
    original = rng.uniform(0.3, 1, 12)
    names = ["N_x@gradient_x_activation", "N_x"]
    kinds = ["", "random:", "bottom:"]
    values = {NONE: original} | {
        (kind + name, 1.0, 0): original - rng.normal(0.02, 0.05, 12)
        for name in names
        for kind in kinds
    }
    sizes = {(names[0], 1.0): 0, (f"bottom:{names[0]}", 1.0): 4, ("N_x", 1.0): 7}
    sizes |= {("bottom:N_y", 1.0): 0}
    found = ablation_effects(measures_of(values), sizes_of(sizes), replicates=50)
    assert found.schema == EFFECTS
    counts = dict(found.select("scheme", "n_neurons").iter_rows())
    assert counts == {
        names[0]: 0, f"bottom:{names[0]}": 4, "N_x": 7, "random:N_x": 7, "bottom:N_x": 7,
        "bottom:N_y": 0,
    }  # fmt: skip
    empty = found.filter(pl.col("n_neurons") == 0)
    assert empty["p_value"].null_count() == 2
    bottom = found.filter(pl.col("scheme").str.starts_with("bottom:")).drop_nulls("p_value")
    low = bottom["p_value"].min()
    assert bottom["p_value_holm"].min() == pytest.approx(min(1, 2 * low))
