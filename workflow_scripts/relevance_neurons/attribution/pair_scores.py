"""Neuron Integrated Gradients of every neuron, pair by pair.

A few pairs go through the ranker together. Each has a grid that asks for points of its path,
and gives elements of it once it knows enough; an element whose points have all been evaluated is
reduced to a number per neuron, and what no element needs any more is let go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
import torch

from relevance_neurons.attribution.adaptive import FIRST_PANELS, AdaptiveGrid
from relevance_neurons.attribution.halved_grid import HalvedGrid
from relevance_neurons.attribution.paths import Paths
from relevance_neurons.attribution.quadrature import (
    MOST_ELEMENT_POINTS,
    Element,
    Grid,
    UniformGrid,
    assemble,
)
from relevance_neurons.attribution.rows import CutRows, Rows, reduced, rows_at
from relevance_neurons.attribution.tracing import CUT, Traced, Tracer, find_tracer, trace
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.reranker import Reranker


@dataclass(frozen=True)
class Settings:
    """How a pair is attributed; see ``attribute``.

    With ``halved`` every step along the path is half as long as the other settings make it.
    """

    label: str = "relevant"
    baseline: str = "pad_all"
    target: str = "probability"
    quadrature: str = "adaptive"
    tolerance: float = 0.02
    n_points: int = 25
    halved: bool = False

    def grid(self) -> Grid:
        """A fresh grid for one pair. Raises ``UserError`` for a wrong rule, number or tolerance."""
        if self.quadrature == "adaptive":
            grid = AdaptiveGrid(self.tolerance)
        else:
            grid = UniformGrid(self.quadrature, self.n_points)
        return HalvedGrid(grid) if self.halved else grid

    @property
    def first_points(self) -> int:
        """How many points of a pair are evaluated at once to begin with."""
        return 2 * FIRST_PANELS + 1 if self.quadrature == "adaptive" else self.n_points


@dataclass(frozen=True)
class PairCheck:
    """How well pair number ``pair`` was integrated.

    ``cut_sum`` is the sum of the scores of a cut: the residual stream after the middle layer. As
    the error shrinks it tends to ``f_input - f_baseline`` (METHOD: exact identities).
    ``error_estimate`` is the adaptive grid's own, in units of F; None for a uniform grid. A pair
    that ``is_given_up`` missed the tolerance with as many points as a pair may have.
    """

    pair: int
    f_input: float
    f_baseline: float
    cut_sum: float
    n_points: int
    error_estimate: float | None
    is_given_up: bool = False


def score_pairs(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    settings: Settings,
    memory: Memory | None = None,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_neurons,); longest pairs first.

    ``memory`` bounds the rows of a pass and what is kept of earlier ones until it is used; a point
    that had to be let go before that is evaluated again.
    """
    settings.grid()
    memory = memory or reranker.memory()
    encoded = reranker.encode(pairs)
    lengths = [len(pair) for pair in encoded]
    tracer = find_tracer(reranker, encoded)

    def run(rows: Sequence[int]) -> list[_Pair]:
        return _Group(reranker, tracer, [encoded[i] for i in rows], settings, memory).run()

    for group in length_batches(lengths, memory, rows_each=settings.first_points):
        for rows, done in halving(group, memory, run):
            for number, pair in zip(rows, done, strict=True):
                yield pair.check(number), pair.scores


class _Group:
    """A few pairs of like length, whose points share passes."""

    def __init__(
        self,
        reranker: Reranker,
        tracer: Tracer,
        encoded: list[EncodedPair],
        settings: Settings,
        memory: Memory,
    ) -> None:
        self.reranker, self.tracer = reranker, tracer
        self.settings, self.memory = settings, memory
        self.paths = Paths(reranker, encoded, settings.baseline)
        self.pairs = [_Pair(settings.grid(), tracer, len(reranker.neurons)) for _ in encoded]

    def run(self) -> list[_Pair]:
        """Evaluate what the pairs ask for until every one is done."""
        active = list(range(len(self.pairs)))
        while active:
            asked = self._asked(active)
            active = [row for row in active if asked.get(row) != ()]
            self._evaluate([(row, point) for row, points in asked.items() for point in points])
        return self.pairs

    def _asked(self, active: list[int]) -> dict[int, tuple[float, ...]]:
        """The next points of each pair, none once it is done; as many pairs as fit in one pass."""
        asked: dict[int, tuple[float, ...]] = {}
        left = max(1, self.memory.batch_tokens // self.paths.n_tokens)
        for i, row in enumerate(active):
            if left < 1:
                break
            asked[row] = self.pairs[row].wanted(max(1, left // (len(active) - i)))
            left -= len(asked[row])
        return asked

    def _evaluate(self, points: list[tuple[int, float]]) -> None:
        """One pass over (pair, point); in halves where memory runs out."""
        kept_bytes = self.memory.kept_bytes // len(self.pairs)
        for part, traced in halving(points, self.memory, self._trace) if points else ():
            start = 0
            for row, own in groupby(part, key=itemgetter(0)):
                alphas = tuple(point for _, point in own)
                rows = slice(start, start + len(alphas))
                self.pairs[row].take(alphas, traced.part(rows), kept_bytes)
                start = rows.stop
            del traced  # before the next part is computed

    def _trace(self, points: list[tuple[int, float]]) -> Traced:
        rows = torch.tensor([row for row, _ in points], device=self.reranker.device)
        return trace(
            self.reranker,
            self.tracer,
            self.paths.starts[rows],
            self.paths.changes[rows],
            torch.tensor([point for _, point in points], dtype=torch.float64),
            {name: x[rows] for name, x in self.paths.others.items()},
            self.settings.label,
            self.settings.target,
        )


class _Pair:
    """One pair on its way: its grid, the rows that are still needed, and its sums so far."""

    def __init__(self, grid: Grid, tracer: Tracer, n_neurons: int) -> None:
        self.grid, self.places = grid, tracer.places
        self.scores = np.zeros(n_neurons)
        self.cut_sum = 0.0
        self.n_points = 0
        self.ends: dict[float, float] = {}
        self._waiting: list[Element] = []
        self._kept = Rows((), {}, {})
        self._cut = CutRows()

    def wanted(self, most: int) -> tuple[float, ...]:
        """The next points to evaluate: of an element that waits for its rows, else new ones."""
        if self._waiting:
            missing = set(self._waiting[0].points) - set(self._kept.points)
            return tuple(sorted(missing)[:most])
        return self.grid.wanted(most)

    def take(self, points: tuple[float, ...], traced: Traced, kept_bytes: int) -> None:
        """Use what was evaluated at ``points``, a row of ``traced`` each."""
        if not self._waiting:
            if not bool(torch.isfinite(traced.values + traced.slopes).all()):
                raise UserError(
                    "attribution: the ranker's score or its slope is not a finite number; its "
                    "weights may be broken, or the dtype too narrow: try float32"
                )
            values = traced.values.tolist()
            self.n_points += len(points)
            self.ends |= {p: f for p, f in zip(points, values, strict=True) if p in (0.0, 1.0)}
            if self.grid.reads_cut:
                self._cut.add(points, traced)
            self._waiting = self.grid.add(points, values, traced.slopes.tolist(), self._cut)
            self._cut.forget_all_but(self.grid.pending())
        rows = [self._kept, Rows(points, traced.outputs, traced.gradients)]
        known = {*self._kept.points, *points}
        ready = [one for one in self._waiting if known.issuperset(one.points)]
        self._waiting = [one for one in self._waiting if not known.issuperset(one.points)]
        if ready:
            self._add(ready, rows)
        self._keep(rows, kept_bytes)

    def check(self, number: int) -> PairCheck:
        """How well the pair was integrated, once it is done."""
        return PairCheck(
            number,
            self.ends[1.0],
            self.ends[0.0],
            self.cut_sum,
            self.n_points,
            self.grid.error_estimate,
            self.grid.is_given_up,
        )

    def _add(self, elements: list[Element], rows: list[Rows]) -> None:
        """Reduce the elements to a number per neuron and add them to the scores."""
        matrix = torch.from_numpy(assemble(elements, [p for part in rows for p in part.points]))
        matrix = matrix.to(next(iter(rows[-1].outputs.values())).device)
        sums = {
            key: reduced(matrix, [(one.outputs[key], one.gradients[key]) for one in rows if one])
            for key in rows[-1].outputs
        }
        self.cut_sum += float(sums[CUT].double().sum())
        parts = [sums[key][columns] for _, key, columns in self.places]
        self.scores += torch.cat(parts).double().cpu().numpy()

    def _keep(self, rows: list[Rows], kept_bytes: int) -> None:
        """Keep what will be used again, as much as may be; the rest is let go."""
        waiting = [point for element in self._waiting for point in element.points]
        places = {point: (part, i) for part in rows for i, point in enumerate(part.points)}
        needed = [p for p in dict.fromkeys((*waiting, *self.grid.pending())) if p in places]
        most = max(MOST_ELEMENT_POINTS - 1, kept_bytes // rows[-1].bytes_each)
        self._kept = rows_at(needed[:most], places)
