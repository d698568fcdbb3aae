"""A grid as another makes it, with half its steps: how far a pair's scores are from converged."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from relevance_neurons.attribution.quadrature import Cut, Element, Grid


class HalvedGrid:
    """Another grid with each of its elements cut into two of the same rule.

    Every step is half as long, so that n points become 2n − 1; the other grid's points are among
    them, and what it chooses it chooses as if it were alone.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._whole: list[Element] = []
        self._asked: list[float] = []
        self._middles: set[float] = set()
        self._evaluated: set[float] = set()

    @property
    def error_estimate(self) -> float | None:
        """The other grid's: an upper bound, as a rule, for the halved one."""
        return self._grid.error_estimate

    @property
    def is_given_up(self) -> bool:
        """Whether the other grid gave the pair up."""
        return self._grid.is_given_up

    @property
    def reads_cut(self) -> bool:
        """Whether the other grid does."""
        return self._grid.reads_cut

    def wanted(self, most: int) -> tuple[float, ...]:
        """The next points to evaluate, at most ``most``; none once the path is done."""
        points = self._grid.wanted(most)
        left = most - len(points)
        asked, self._asked = self._asked[:left], self._asked[left:]
        return *points, *asked

    def pending(self) -> tuple[float, ...]:
        """Points already evaluated or asked for that elements still to come need."""
        halved = {point for element in self._whole for point in _with_middles(element.points)}
        return tuple(sorted(halved.union(self._grid.pending())))

    def add(
        self, points: Sequence[float], values: Sequence[float], slopes: Sequence[float], cut: Cut
    ) -> list[Element]:
        """Give the other grid its points; return the halves that are complete with the rest."""
        self._evaluated.update(points)
        found = zip(points, values, slopes, strict=True)
        own = [row for row in found if row[0] not in self._middles]
        elements = self._grid.add(*zip(*own, strict=True), cut) if own else []
        done = [element for element in self._whole if self._is_known(element)]
        self._whole = [element for element in self._whole if not self._is_known(element)]
        self._whole += elements
        middles = [point for one in elements for point in _with_middles(one.points)[1::2]]
        self._middles.update(middles)
        self._asked += middles
        return [half for element in done for half in _halves(element)]

    def _is_known(self, element: Element) -> bool:
        return self._evaluated.issuperset(_with_middles(element.points))


def _with_middles(points: Sequence[float]) -> tuple[float, ...]:
    """The points and what lies in the middle of each two neighbours, in rising order."""
    middles = [(left + right) / 2 for left, right in pairwise(points)]
    return tuple(sorted([*points, *middles]))


def _halves(element: Element) -> tuple[Element, Element]:
    points = _with_middles(element.points)
    middle = len(points) // 2
    parts = points[: middle + 1], points[middle:]
    return Element(parts[0], element.matrix), Element(parts[1], element.matrix)
