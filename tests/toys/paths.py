"""Paths on which F is known, and whether a grid's elements cover them."""

from itertools import pairwise

import numpy as np
from scipy.special import expit

from relevance_neurons.attribution.adaptive import AdaptiveGrid


class Path:
    """A made-up ranker: one neuron y(t) on the cut, F(t) = ∫ g dy with g = ∂F/∂y."""

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def products(self, points) -> np.ndarray:
        """With y = t the gradient is the slope of F."""
        return np.outer(self.slope(np.array(points)), points)

    def integrate(self, grid: AdaptiveGrid, most: int = 10**6) -> tuple[float, list]:
        """What the grid makes of ∫ g dy, and its elements."""
        elements = []
        while points := grid.wanted(most):
            at = np.array(points)
            elements += grid.add(points, self.value(at).tolist(), self.slope(at).tolist(), self)
        found = sum((one.matrix * self.products(one.points)).sum() for one in elements)
        return float(found), elements


def jump(width: float, place: float = 0.3) -> Path:
    """F rises from 0 to 1 within about ``width``."""

    def value(t):
        return expit((t - place) / width)

    return Path(value, lambda t: value(t) * (1 - value(t)) / width)


def covers_the_path(elements) -> bool:
    ends = sorted((one.points[0], one.points[-1]) for one in elements)
    return ends[0][0] == 0.0 and ends[-1][1] == 1.0 and all(a[1] == b[0] for a, b in pairwise(ends))
