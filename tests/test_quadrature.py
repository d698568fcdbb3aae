"""Rules of the integral, on functions whose integral is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relevance_neurons.quadrature import QUADRATURES, chunks, path_points, weight_matrix


def integral(quadrature, n_points, y, g) -> float:
    points = path_points(n_points)
    return float(g(points) @ weight_matrix(quadrature, n_points) @ y(points))


@pytest.mark.parametrize("quadrature", QUADRATURES)
def test_a_constant_gradient_gives_the_change(quadrature):
    found = integral(quadrature, 7, lambda t: t**3 - 2 * t, lambda t: torch.full_like(t, 2.5))
    assert found == pytest.approx(-2.5)


def test_right_and_left_take_that_end():
    y, g = torch.tensor([1.0, 4.0, 9.0]).double(), torch.tensor([10.0, 20.0, 30.0]).double()
    assert float(g @ weight_matrix("right", 3) @ y) == 20 * 3 + 30 * 5
    assert float(g @ weight_matrix("left", 3) @ y) == 10 * 3 + 20 * 5


def test_trapezoid_is_exact_for_linear_and_of_second_order():
    assert integral("trapezoid", 3, lambda t: t, lambda t: t) == pytest.approx(0.5)

    def error(n):  # ∫ cos(3 e^t) e^t dt over [0, 1]
        found = integral("trapezoid", n, torch.exp, lambda t: torch.cos(3 * torch.exp(t)))
        return abs(found - (np.sin(3 * np.e) - np.sin(3)) / 3)

    assert error(161) < error(41) / 14
    right = abs(
        integral("right", 161, torch.exp, lambda t: torch.cos(3 * torch.exp(t)))
        - (np.sin(3 * np.e) - np.sin(3)) / 3
    )
    assert error(161) < right / 4


@given(n_points=st.integers(2, 300), most=st.integers(1, 60))
def test_runs_cover_every_panel_once(n_points, most):
    runs = list(chunks(n_points, most))
    panels = [panel for run in runs for panel in range(run.start, run.stop - 1)]
    assert panels == list(range(n_points - 1))
    assert all(run.stop - run.start <= max(most, 2) for run in runs)
