"""Rules of the integral, on functions whose integral is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevance_neurons import UserError
from relevance_neurons.attribution.quadrature import (
    Element,
    UniformGrid,
    assemble,
    interpolating_matrix,
    path_points,
)

UNIFORM = ["right", "left", "trapezoid", "simpson"]


def elements_of(grid, most=10**6) -> list[Element]:
    """All elements of a uniform grid whose points come ``most`` at a time."""
    elements = []
    while points := grid.wanted(most):
        elements += grid.add(points, [0.0] * len(points), [0.0] * len(points), None)
    return elements


def integral(elements, y, g) -> float:
    return sum(
        float(g(np.array(one.points)) @ one.matrix @ y(np.array(one.points))) for one in elements
    )


@pytest.mark.parametrize("quadrature", UNIFORM)
def test_a_constant_gradient_gives_the_change(quadrature):
    elements = elements_of(UniformGrid(quadrature, 7))
    found = integral(elements, lambda t: t**3 - 2 * t, lambda t: np.full_like(t, 2.5))
    assert found == pytest.approx(-2.5)


def test_right_and_left_take_that_end():
    y = {0.0: 1.0, 0.5: 4.0, 1.0: 9.0}
    g = {0.0: 10.0, 0.5: 20.0, 1.0: 30.0}
    values = [lambda points, one=one: np.array([one[p] for p in points]) for one in (y, g)]
    assert integral(elements_of(UniformGrid("right", 3)), *values) == 20 * 3 + 30 * 5
    assert integral(elements_of(UniformGrid("left", 3)), *values) == 10 * 3 + 20 * 5


def test_the_matrix_of_three_points_is_simpsons():
    """Published: 1/6 · [[−3, 4, −1], [−4, 0, 4], [1, −4, 3]] (METHOD; exact for quadratics)."""
    expected = np.array([[-3, 4, -1], [-4, 0, 4], [1, -4, 3]]) / 6
    np.testing.assert_allclose(interpolating_matrix(3), expected, atol=1e-15)
    np.testing.assert_allclose(interpolating_matrix(2), [[-0.5, 0.5], [-0.5, 0.5]], atol=1e-15)


@pytest.mark.parametrize("n_points", [2, 3, 5])
def test_interpolation_is_exact_for_polynomials(n_points):
    random = np.random.default_rng(n_points)
    y, g = (np.poly1d(random.normal(size=n_points)) for _ in range(2))
    points = np.linspace(0.25, 0.75, n_points)
    exact = (g * y.deriv()).integ()
    found = integral([Element(tuple(points), interpolating_matrix(n_points))], y, g)
    assert found == pytest.approx(exact(0.75) - exact(0.25), rel=1e-12)


@pytest.mark.parametrize(("quadrature", "order"), [("right", 1), ("trapezoid", 2), ("simpson", 4)])
def test_orders_of_convergence(quadrature, order):
    def error(n_points):  # ∫ cos(3 e^t) e^t dt over [0, 1]
        elements = elements_of(UniformGrid(quadrature, n_points))
        found = integral(elements, np.exp, lambda t: np.cos(3 * np.exp(t)))
        return abs(found - (np.sin(3 * np.e) - np.sin(3)) / 3)

    assert error(161) / error(641) == pytest.approx(4**order, rel=0.25)


@given(st.sampled_from(UNIFORM), st.integers(1, 60), st.integers(1, 20))
def test_however_points_come_every_element_is_given_once(quadrature, half, most):
    n_points = 2 * half + 1
    grid = UniformGrid(quadrature, n_points)
    elements = elements_of(grid, most)
    whole = elements_of(UniformGrid(quadrature, n_points))
    assert [one.points for one in elements] == [one.points for one in whole]
    assert elements[0].points[0] == 0.0 and elements[-1].points[-1] == 1.0
    assert grid.pending() in ((), (1.0,))


def test_points_that_the_next_element_needs_are_pending():
    grid = UniformGrid("simpson", 7)
    grid.add(grid.wanted(4), [0.0] * 4, [0.0] * 4, None)
    assert grid.pending() == pytest.approx((2 / 6, 3 / 6))


def test_assemble_adds_what_neighbours_share():
    elements = [Element(points, interpolating_matrix(2)) for points in ((0.0, 0.25), (0.25, 1.0))]
    expected = [[-0.5, 0.5, 0.0], [-0.5, 0.0, 0.5], [0.0, -0.5, 0.5]]
    np.testing.assert_allclose(assemble(elements, [0.0, 0.25, 1.0]), expected)


def test_path_points_run_from_baseline_to_input():
    assert path_points(5) == (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize(
    ("rule", "n_points", "message"),
    [
        ("gauss", 5, "attribution.quadrature: 'gauss' was found; allowed: adaptive, trapezoid"),
        ("right", 1, "attribution.n_points: 1 was found; at least 2"),
        ("simpson", 4, "attribution.n_points: 4 was found; simpson needs an odd number"),
    ],
)
def test_wrong_settings_are_refused(rule, n_points, message):
    with pytest.raises(UserError, match=message):
        UniformGrid(rule, n_points)
