"""Rules for the integral of Neuron Integrated Gradients along the path.

With g = ∂F/∂y at the points and y the neuron's output there, every rule is bilinear:
score = Σ_{k,l} M[k, l] · g(α_k) · y(α_l) (METHOD: Neuron Integrated Gradients; the paper's
equation 1 in the form of Shrikumar et al. 2018, which needs differences of y, not dy/dα).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch

from relevance_neurons.errors import UserError

QUADRATURES = ("right", "left", "trapezoid")
"""right: the paper's rule. left: what Captum's ``riemann_trapezoid`` does. trapezoid: their mean,
at the same cost and of second order."""

# A panel is the piece between two neighbouring points a and b; entry [k][l] weighs g_k · y_l.
_PANELS = {
    "right": ((0.0, 0.0), (-1.0, 1.0)),
    "left": ((-1.0, 1.0), (0.0, 0.0)),
    "trapezoid": ((-0.5, 0.5), (-0.5, 0.5)),
}


def path_points(n_points: int) -> torch.Tensor:
    """The points α_i = i / (n − 1) from 0 (baseline) to 1 (input), float64, shape (n_points,)."""
    if n_points < 2:
        raise UserError(f"attribution.n_points: {n_points} was found; at least 2 are needed")
    return torch.linspace(0.0, 1.0, n_points, dtype=torch.float64)


def weight_matrix(quadrature: str, n_points: int) -> torch.Tensor:
    """The rule's matrix M over ``n_points`` neighbouring points, float64, shape (n, n)."""
    if quadrature not in _PANELS:
        raise UserError(
            f"attribution.quadrature: {quadrature!r} was found; allowed: {', '.join(QUADRATURES)}"
        )
    panel = torch.tensor(_PANELS[quadrature], dtype=torch.float64)
    matrix = torch.zeros(n_points, n_points, dtype=torch.float64)
    for start, end in pairwise(range(n_points)):
        matrix[start : end + 1, start : end + 1] += panel
    return matrix


def chunks(n_points: int, max_points: int) -> Iterator[slice]:
    """Cut a path into runs of at most ``max_points`` points that share their end points.

    Every panel lies in exactly one run, so the sum of the runs' scores is the path's score.
    """
    step = max(max_points, 2) - 1
    for start in range(0, n_points - 1, step):
        yield slice(start, min(start + step, n_points - 1) + 1)
