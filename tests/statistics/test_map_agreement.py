"""Agreement of maps against SciPy and brute force."""

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from relevance_neurons.running.sql import MACROS
from relevance_neurons.statistics.map_agreement import (
    n_selected,
    rank_correlations,
    shared_percent,
)
from toys.synthetic_results import top


def test_sizes_are_those_of_the_sql():
    random = np.random.default_rng(0)
    sizes = [0.5, 9.2, 12.5, *np.exp(random.uniform(np.log(1e-3), np.log(100), 500))]
    numbers = [100, 375, 4, *random.integers(1, 300_000, 500).tolist()]
    query = "SELECT n_selected(a, n) FROM (SELECT unnest($a)::DOUBLE AS a, unnest($n) AS n)"
    with duckdb.connect() as connection:
        connection.execute(MACROS.read_text(encoding="utf-8"))
        found = connection.execute(query, {"a": sizes, "n": numbers}).fetchall()
    pairs = zip(sizes, numbers, strict=True)
    assert [m for (m,) in found] == [n_selected(*pair) for pair in pairs]


@given(st.integers(0, 10**6), st.sampled_from([2, 5, 1000]))
def test_agreement_equals_sets_and_ranks(seed, n_values):
    random = np.random.default_rng(seed)
    a, b = random.integers(0, n_values, (2, 50)).astype(float)
    a[0], a[1], b[0], b[1] = 0, 1, 0, 1  # neither map is constant
    shared = len(set(top(a, 10)) & set(top(b, 10)))
    assert shared_percent(a, b, 5) == 100 * shared / 5
    found = rank_correlations(a, b)
    pairs = [(np.sign(a[i] - a[j]), np.sign(b[i] - b[j])) for i in range(50) for j in range(i)]
    one, other = np.array(pairs).T
    tau = (one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum())
    assert found["kendall_tau"] == pytest.approx(tau)
    assert found["spearman"] == pytest.approx(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def test_a_constant_map_has_no_correlation():
    assert rank_correlations(np.zeros(4), np.arange(4.0)) == {"kendall_tau": None, "spearman": None}
