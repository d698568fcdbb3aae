"""A grid of points for one pair, fine where F bends and coarse where it does not.

A uniform grid's error depends wildly on the pair: where F jumps within a hundredth of the path,
even 250 points leave a tenth of the scores wrong. Here Simpson panels are halved until they give
the change that F makes, from its slopes and from the scores on a cut (METHOD, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from relevance_neurons.attribution.quadrature import Cut, Element, interpolating_matrix
from relevance_neurons.errors import UserError

SIMPSON = interpolating_matrix(3)
FIRST_PANELS = 8
"""With 4 the average pair needs as many points in the end, but more rounds (measured on a ranker
of 6 layers at a tolerance of 0.02), and narrow bends are more easily missed."""
MAX_POINTS = 513
"""A pair that needs more is given up with the error that it has."""
SMALLEST_RANGE = 1e-3
"""A path on which F changes by less is integrated as if it changed by this: what is left of the
tolerance would be lost in the rounding of float32."""
ACCEPTED_SHARE = 0.5
"""Share of the error that is left to spend which panels may take that others are halved beside."""


@dataclass(frozen=True)
class Panel:
    """Three equally spaced points and an estimate of the error of Simpson's rule on them."""

    left: float
    right: float
    error: float

    @property
    def middle(self) -> float:
        """The point between the other two."""
        return (self.left + self.right) / 2

    @property
    def points(self) -> tuple[float, float, float]:
        """The three points, in rising order."""
        return self.left, self.middle, self.right


class AdaptiveGrid:
    """Chooses the points of one pair, round by round, from F and its slope dF/dα there.

    All points of a round are asked for before any element is given, so the grid depends neither
    on how many are evaluated at once nor on any other pair; and every point asked for becomes part
    of an element, so that the search costs nothing beside the scores. A panel's error is estimated
    by what the scores miss of ΔF on a cut, or by |ΔF − S| + |S − T| / 15 if that is more, with
    Simpson's S and the trapezoid T of the slopes. The panels with the least are accepted as long
    as the estimates, summed, leave room for the others within ``tolerance`` × the range of F; the
    others are halved.
    """

    reads_cut = True
    """What the scores miss of ΔF there is a panel's error."""

    def __init__(
        self, tolerance: float, max_points: int = MAX_POINTS, first_panels: int = FIRST_PANELS
    ) -> None:
        if not (isinstance(tolerance, int | float) and 0 < tolerance < 1):
            raise UserError(
                f"attribution.tolerance: {tolerance!r} was found; a number between 0 and 1 is "
                "needed"
            )
        self.tolerance, self.max_points = tolerance, max_points
        self.error_estimate = 0.0
        self.is_given_up = False
        ends = [i / first_panels for i in range(first_panels + 1)]
        self._pending = list(pairwise(ends))
        self._known: dict[float, tuple[float, float]] = {}
        self._asked = self._unknown()

    @property
    def points(self) -> tuple[float, ...]:
        """The points evaluated so far, in rising order."""
        return tuple(sorted(self._known))

    @property
    def range(self) -> float:
        """Largest less smallest F at the points so far."""
        values = [value for value, _ in self._known.values()]
        return max(values) - min(values)

    def wanted(self, most: int) -> tuple[float, ...]:
        """The next points to evaluate, at most ``most``; none once the path is done."""
        asked, self._asked = self._asked[:most], self._asked[most:]
        return tuple(asked)

    def pending(self) -> tuple[float, ...]:
        """Points already evaluated or asked for that elements still to come need."""
        return tuple(sorted({p for a, b in self._pending for p in (a, (a + b) / 2, b)}))

    def add(
        self, points: Sequence[float], values: Sequence[float], slopes: Sequence[float], cut: Cut
    ) -> list[Element]:
        """Take F and dF/dα at the points asked for; return the elements that are now accepted."""
        self._known.update(zip(points, zip(values, slopes, strict=True), strict=True))
        if self._unknown():
            return []
        panels = self._panels(cut)
        accepted, halved = self._choose(panels)
        self.error_estimate += sum(panel.error for panel in accepted)
        self._pending = [
            half
            for panel in halved
            for half in ((panel.left, panel.middle), (panel.middle, panel.right))
        ]
        self._asked = self._unknown()
        return [Element(panel.points, SIMPSON) for panel in accepted]

    def _panels(self, cut: Cut) -> list[Panel]:
        """The pending panels, with the errors of F and of the cut on them."""
        points = self.pending()
        place = {point: i for i, point in enumerate(points)}
        products = cut.products(points)
        panels = []
        for left, right in self._pending:
            rows = [place[point] for point in (left, (left + right) / 2, right)]
            on_cut = float((SIMPSON * products[np.ix_(rows, rows)]).sum())
            panels.append(Panel(left, right, self._error(left, right, on_cut)))
        return panels

    def _error(self, left: float, right: float, on_cut: float) -> float:
        middle = (left + right) / 2
        (f_left, a), (_, m), (f_right, b) = (self._known[one] for one in (left, middle, right))
        simpson = (right - left) * (a + 4 * m + b) / 6
        trapezoid = (right - left) * (a + 2 * m + b) / 4
        change = f_right - f_left
        return max(abs(change - simpson) + abs(simpson - trapezoid) / 15, abs(change - on_cut))

    def _choose(self, panels: list[Panel]) -> tuple[list[Panel], list[Panel]]:
        """The panels to accept and those to halve, each from left to right."""
        budget = self.tolerance * max(self.range, SMALLEST_RANGE) - self.error_estimate
        if sum(panel.error for panel in panels) <= budget:
            return panels, []
        errors = np.array([panel.error for panel in panels])
        order = np.argsort(errors, kind="stable")
        n_good = int(np.searchsorted(np.cumsum(errors[order]), ACCEPTED_SHARE * budget, "right"))
        if len(self._known) + 2 * (len(panels) - n_good) > self.max_points:
            self.is_given_up = True
            return panels, []
        good = set(order[:n_good].tolist())
        accepted = [panel for i, panel in enumerate(panels) if i in good]
        return accepted, [panel for i, panel in enumerate(panels) if i not in good]

    def _unknown(self) -> list[float]:
        """Points of the pending panels that were not evaluated yet, in rising order."""
        return [point for point in self.pending() if point not in self._known]
