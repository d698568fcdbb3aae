"""Grids with half the steps of another, on their own and in scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevance_neurons.attribution.adaptive import AdaptiveGrid
from relevance_neurons.attribution.halved_grid import HalvedGrid
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.attribution.quadrature import UniformGrid
from relevance_neurons.rankers.memory import Memory
from toys.bert import PAIRS, make_reranker
from toys.paths import covers_the_path, jump


def scores_of(reranker, memory=None, **settings) -> dict[int, np.ndarray]:
    rows = score_pairs(reranker, PAIRS, Settings(**settings), memory)
    return {check.pair: scores for check, scores in rows}


@given(
    st.sampled_from(["right", "left", "trapezoid", "simpson"]),
    st.integers(1, 20),
    st.integers(1, 9),
)
def test_a_uniform_grid_becomes_the_one_with_half_the_steps(quadrature, half, most):
    n_points = 2 * half + 1
    _, found = jump(0.1).integrate(HalvedGrid(UniformGrid(quadrature, n_points)), most)
    _, expected = jump(0.1).integrate(UniformGrid(quadrature, 2 * n_points - 1))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.points, other.points, atol=1e-15)
        np.testing.assert_array_equal(one.matrix, other.matrix)


@given(st.floats(1e-3, 0.3), st.floats(0.0, 1.0), st.integers(1, 9))
def test_an_adaptive_grid_is_chosen_as_if_alone(width, place, most):
    path = jump(width, place)
    alone, inner = AdaptiveGrid(0.02), AdaptiveGrid(0.02)
    halved = HalvedGrid(inner)
    _, elements = path.integrate(alone)
    _, found = path.integrate(halved, most)
    assert inner.points == alone.points and covers_the_path(found)
    assert len(found) == 2 * len(elements)
    points = {point for element in found for point in element.points}
    assert points > set(alone.points) and len(points) == 2 * len(alone.points) - 1
    assert halved.error_estimate == alone.error_estimate and halved.pending() == ()


def test_every_point_is_asked_for_once():
    asked, grid, path = [], HalvedGrid(AdaptiveGrid(0.005)), jump(0.004)
    while points := grid.wanted(7):
        asked += points
        at = np.array(points)
        grid.add(points, path.value(at).tolist(), path.slope(at).tolist(), path)
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("quadrature", ["right", "trapezoid", "simpson"])
def test_scores_of_a_uniform_rule_are_those_with_2n_minus_1_points(quadrature):
    reranker = make_reranker(2)
    found = scores_of(reranker, quadrature=quadrature, n_points=7, halved=True)
    expected = scores_of(reranker, quadrature=quadrature, n_points=13)
    for pair, scores in expected.items():
        np.testing.assert_allclose(found[pair], scores, rtol=1e-9, atol=1e-14)


def test_scores_of_the_adaptive_rule_come_nearer_to_the_integral():
    reranker = make_reranker(2)
    exact = scores_of(reranker, quadrature="simpson", n_points=2001)
    errors = [
        np.mean([np.linalg.norm(found[pair] - exact[pair]) for pair in exact])
        for found in (scores_of(reranker), scores_of(reranker, halved=True))
    ]
    assert errors[1] < errors[0] / 8  # Simpson's rule: half the step, a sixteenth of the error


def test_scores_do_not_depend_on_the_memory():
    reranker = make_reranker(2)
    whole = scores_of(reranker, halved=True, tolerance=0.005)
    little = scores_of(reranker, Memory(40, kept_bytes=1), halved=True, tolerance=0.005)
    for pair, scores in whole.items():
        np.testing.assert_allclose(little[pair], scores, rtol=1e-9, atol=1e-14)


def test_checks_count_the_points_of_both_grids():
    plain, halved = (
        {
            check.pair: check
            for check, _ in score_pairs(make_reranker(2), PAIRS, Settings(halved=one))
        }
        for one in (False, True)
    )
    for pair, check in plain.items():
        assert halved[pair].n_points == 2 * check.n_points - 1
        assert abs(halved[pair].cut_sum - check.cut_sum) <= 2 * check.error_estimate + 1e-12
