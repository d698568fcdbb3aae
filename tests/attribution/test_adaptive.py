"""The grid of one pair, on paths whose integral is known."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevance_neurons import UserError, attribute
from relevance_neurons.attribution import pair_scores
from relevance_neurons.attribution.adaptive import FIRST_PANELS, AdaptiveGrid
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from toys.bert import PAIRS, make_reranker
from toys.paths import Path, covers_the_path, jump


def test_a_smooth_path_takes_the_first_points_alone():
    grid = AdaptiveGrid(0.02)
    path = Path(lambda t: t**2, lambda t: 2 * t)
    found, elements = path.integrate(grid)
    assert found == pytest.approx(1.0, abs=1e-12)
    assert len(grid.points) == 2 * FIRST_PANELS + 1 and covers_the_path(elements)
    assert grid.error_estimate == pytest.approx(0.0, abs=1e-12)


@given(
    st.floats(1e-3, 0.3),
    st.floats(0.0, 1.0),
    st.sampled_from([0.1, 0.02, 0.005]),
    st.integers(1, 9),
)
def test_the_error_is_within_the_tolerance(width, place, tolerance, most):
    path = jump(width, place)
    grid = AdaptiveGrid(tolerance)
    found, elements = path.integrate(grid, most)
    exact = float(path.value(1.0) - path.value(0.0))
    assert covers_the_path(elements)
    assert abs(found - exact) <= tolerance * max(grid.range, 1e-3)
    assert abs(found - exact) <= grid.error_estimate + 1e-12


def test_points_gather_where_f_jumps():
    """A uniform grid with Simpson's rule needs ten times the points for the same error."""
    path = jump(0.002)
    grid = AdaptiveGrid(0.005)
    found, _ = path.integrate(grid)
    error = abs(found - (path.value(1.0) - path.value(0.0)))
    inside = sum(abs(point - 0.3) < 0.03 for point in grid.points)
    assert inside > len(grid.points) / 2
    uniform = np.linspace(0, 1, 10 * len(grid.points) | 1)
    slopes = path.slope(uniform)
    simpson = (slopes[0] + slopes[-1] + 4 * slopes[1::2].sum() + 2 * slopes[2:-1:2].sum()) / 3
    assert abs(simpson / (len(uniform) - 1) - (path.value(1.0) - path.value(0.0))) > error


def test_the_cut_finds_what_f_hides():
    """F is a straight line, but in its first half the neuron that makes it bends."""

    class Hidden(Path):
        def products(self, points) -> np.ndarray:
            t = np.array(points)
            bend = np.where(t < 0.5, np.sin(8 * np.pi * t), 0.0)
            slope = np.where(t < 0.5, 8 * np.pi * np.cos(8 * np.pi * t), 0.0)
            return np.outer(1 / (1 + 0.03 * slope), t + 0.03 * bend)

    grid = AdaptiveGrid(1e-4)
    Hidden(lambda t: t, np.ones_like).integrate(grid)
    below = [point for point in grid.points if point <= 0.5]
    assert len(below) > 0.7 * len(grid.points) and len(grid.points) > 2 * FIRST_PANELS + 1


@given(st.integers(1, 12))
def test_the_grid_does_not_depend_on_how_many_points_come_at_once(most):
    whole, parts = AdaptiveGrid(0.01), AdaptiveGrid(0.01)
    found, _ = jump(0.01).integrate(whole)
    assert jump(0.01).integrate(parts, most)[0] == found
    assert parts.points == whole.points


def test_every_point_is_asked_for_once():
    asked = []
    grid, path = AdaptiveGrid(0.005), jump(0.004)
    while points := grid.wanted(7):
        asked += points
        at = np.array(points)
        grid.add(points, path.value(at).tolist(), path.slope(at).tolist(), path)
    assert len(asked) == len(set(asked)) == len(grid.points)
    assert grid.pending() == ()


def test_a_hopeless_path_ends_with_its_error():
    """Noise that no grid resolves: the points end, and the estimate says how bad it is."""
    random = np.random.default_rng(0)
    noise = Path(lambda t: random.normal(size=t.shape), lambda t: random.normal(size=t.shape))
    grid = AdaptiveGrid(0.01, max_points=65)
    _, elements = noise.integrate(grid)
    assert covers_the_path(elements) and len(grid.points) <= 65
    assert grid.error_estimate > 0.01 * grid.range and grid.is_given_up


@pytest.mark.parametrize("tolerance", [0.0, 1.0, -0.1])
def test_a_wrong_tolerance_is_refused(tolerance):
    with pytest.raises(UserError, match=r"attribution.tolerance: .* was found"):
        AdaptiveGrid(tolerance)


def errors(reranker, **settings) -> np.ndarray:
    """Relative error of each pair's scores against 1,001 points, and how many it took."""
    found = {}
    for name, one in (
        ("exact", Settings(quadrature="simpson", n_points=1001)),
        ("tried", Settings(**settings)),
    ):
        for check, scores in score_pairs(reranker, PAIRS, one):
            found[name, check.pair] = scores
    pairs = range(len(PAIRS))
    change = [np.linalg.norm(found["tried", i] - found["exact", i]) for i in pairs]
    return np.array(change) / [np.linalg.norm(found["exact", i]) for i in pairs]


def test_scores_are_as_exact_as_asked_for():
    reranker = make_reranker(2)
    loose, tight = (errors(reranker, tolerance=one) for one in (0.1, 0.001))
    assert tight.max() < 0.005
    assert tight.mean() < loose.mean() / 5


def test_checks_tell_points_and_estimate():
    checks = attribute(make_reranker(2), PAIRS, tolerance=0.005).checks()
    assert checks["n_points"].min() >= 2 * FIRST_PANELS + 1
    assert checks["n_points"].n_unique() > 1
    assert (checks["residual"].abs() <= checks["error_estimate"] + 1e-12).all()


def test_pairs_that_are_given_up_are_told(monkeypatch, caplog):
    monkeypatch.setattr(pair_scores, "AdaptiveGrid", partial(AdaptiveGrid, max_points=20))
    attribute(make_reranker(2), PAIRS, tolerance=1e-6)
    assert "4 of 4 pairs missed the tolerance of 1e-06" in caplog.text
