"""Rules for the integral of Neuron Integrated Gradients along the path.

With g = ∂F/∂y at the points and y the neuron's output there, every rule is bilinear:
score = Σ_{k,l} M[k, l] · g(α_k) · y(α_l) (METHOD: Neuron Integrated Gradients; the paper's
equation 1 in the form of Shrikumar et al. 2018, which needs differences of y, not dy/dα).

A path is cut into elements: neighbouring points and the matrix M that joins them. Uniform rules
know their elements in advance; the adaptive one (``adaptive.py``) finds them pair by pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from relevance_neurons.errors import UserError

QUADRATURES = ("adaptive", "trapezoid", "right", "left", "simpson")
"""adaptive: Simpson elements, halved for each pair until its error is within the tolerance. right:
the paper's rule. left: what Captum's ``riemann_trapezoid`` does. trapezoid: their mean, at the
same cost and of second order. simpson: of fourth order, on a uniform grid."""

UNIFORM = {
    "right": ((0.0, 0.0), (-1.0, 1.0)),
    "left": ((-1.0, 1.0), (0.0, 0.0)),
    "trapezoid": ((-0.5, 0.5), (-0.5, 0.5)),
}
"""Entry [k][l] weighs g_k · y_l, on the piece between two neighbouring points."""


MOST_ELEMENT_POINTS = 3


class Grid(Protocol):
    """Chooses the points of one pair's path and cuts it into elements."""

    @property
    def error_estimate(self) -> float | None:
        """The error of the change of F, in its units; None where the rule makes no estimate."""

    @property
    def is_given_up(self) -> bool:
        """Whether the pair needs more points than it may have."""

    @property
    def reads_cut(self) -> bool:
        """Whether ``add`` looks at the cut; else none of its rows need be kept."""

    def wanted(self, most: int) -> tuple[float, ...]:
        """The next points to evaluate, at most ``most``; none once the path is done."""

    def pending(self) -> tuple[float, ...]:
        """Points already evaluated or asked for that elements still to come need."""

    def add(
        self, points: Sequence[float], values: Sequence[float], slopes: Sequence[float], cut: Cut
    ) -> list[Element]:
        """Take F and dF/dα at the points asked for; return the elements that are now complete."""


class Cut(Protocol):
    """A cut through the ranker, on which the scores must add up to the change of F."""

    def products(self, points: Sequence[float]) -> np.ndarray:
        """⟨g(α_k), y(α_l)⟩ over the whole cut, shape (n_points, n_points)."""


@dataclass(frozen=True)
class Element:
    """A piece of a path: its points α, in rising order, and their matrix M."""

    points: tuple[float, ...]
    matrix: np.ndarray


@cache
def interpolating_matrix(n_points: int) -> np.ndarray:
    """M of ``n_points`` equally spaced points, exact where y and g are polynomials of degree n − 1.

    M[k, l] = ∫ L_k(t) L_l'(t) dt with the Lagrange polynomials L of the points; it does not depend
    on the element's length. Two points give the trapezoid rule, three Simpson's.
    """
    nodes = np.linspace(-1.0, 1.0, n_points)
    basis = [np.poly1d(np.delete(nodes, k), r=True) for k in range(n_points)]
    basis = [one / one(node) for one, node in zip(basis, nodes, strict=True)]
    matrix = np.empty((n_points, n_points))
    for k, value in enumerate(basis):
        for other, slope in enumerate(basis):
            integral = (value * slope.deriv()).integ()
            matrix[k, other] = integral(1.0) - integral(-1.0)
    return matrix


def path_points(n_points: int) -> tuple[float, ...]:
    """The points α_i = i / (n − 1) from 0 (baseline) to 1 (input)."""
    if n_points < 2:
        raise UserError(f"attribution.n_points: {n_points} was found; at least 2 are needed")
    return tuple(i / (n_points - 1) for i in range(n_points))


class UniformGrid:
    """The elements of a rule on equally spaced points, as their points become known."""

    def __init__(self, quadrature: str, n_points: int) -> None:
        if quadrature == "simpson":
            width, matrix = 3, interpolating_matrix(3)
            if n_points % 2 == 0:
                raise UserError(
                    f"attribution.n_points: {n_points} was found; simpson needs an odd number"
                )
        elif quadrature in UNIFORM:
            width, matrix = 2, np.array(UNIFORM[quadrature])
        else:
            raise UserError(
                f"attribution.quadrature: {quadrature!r} was found; "
                f"allowed: {', '.join(QUADRATURES)}"
            )
        self.points = path_points(n_points)
        self._step = width - 1
        starts = range(0, n_points - 1, self._step)
        self._elements = [Element(self.points[i : i + width], matrix) for i in starts]
        self._asked = self._given = 0

    error_estimate = None
    """A uniform rule makes none."""
    is_given_up = False
    """A uniform rule has no tolerance that it could miss."""
    reads_cut = False
    """A uniform rule knows its elements without it."""

    def wanted(self, most: int) -> tuple[float, ...]:
        """The next points to evaluate, at most ``most``; none once the path is done."""
        start, self._asked = self._asked, min(self._asked + most, len(self.points))
        return self.points[start : self._asked]

    def pending(self) -> tuple[float, ...]:
        """Points already asked for that elements still to come need."""
        return self.points[self._given * self._step : self._asked]

    def add(
        self, points: Sequence[float], values: Sequence[float], slopes: Sequence[float], cut: Cut
    ) -> list[Element]:
        """Elements that are complete with these points; the rule needs nothing else of them."""
        done = [one for one in self._elements[self._given :] if one.points[-1] <= points[-1]]
        self._given += len(done)
        return done


def assemble(elements: Sequence[Element], points: Sequence[float]) -> np.ndarray:
    """The sum of the elements' matrices over ``points``, shape (n_points, n_points)."""
    place = {point: i for i, point in enumerate(points)}
    matrix = np.zeros((len(points), len(points)))
    for element in elements:
        rows = [place[point] for point in element.points]
        matrix[np.ix_(rows, rows)] += element.matrix
    return matrix
