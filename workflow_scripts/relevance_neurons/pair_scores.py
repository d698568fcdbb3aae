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

from relevance_neurons.adaptive import FIRST_PANELS, AdaptiveGrid
from relevance_neurons.kernels import matrix_precision
from relevance_neurons.memory import Memory, halving
from relevance_neurons.paths import Paths
from relevance_neurons.quadrature import MOST_ELEMENT_POINTS, Element, UniformGrid, assemble
from relevance_neurons.reranker import EncodedPair, Reranker, length_batches
from relevance_neurons.tracing import CUT, Row, Traced, Tracer, find_tracer, trace

Grid = AdaptiveGrid | UniformGrid


@dataclass(frozen=True)
class Settings:
    """How a pair is attributed; see ``attribute``."""

    label: str = "relevant"
    baseline: str = "pad_all"
    target: str = "probability"
    quadrature: str = "adaptive"
    tolerance: float = 0.02
    n_points: int = 25

    def grid(self) -> Grid:
        """A fresh grid for one pair. Raises ``UserError`` for a wrong rule, number or tolerance."""
        if self.quadrature == "adaptive":
            return AdaptiveGrid(self.tolerance)
        return UniformGrid(self.quadrature, self.n_points)

    @property
    def first_points(self) -> int:
        """How many points of a pair are evaluated at once to begin with."""
        return 2 * FIRST_PANELS + 1 if self.quadrature == "adaptive" else self.n_points


@dataclass(frozen=True)
class PairCheck:
    """How well pair number ``pair`` was integrated.

    ``cut_sum`` is the sum of the scores of a cut: the residual stream after the middle layer. As
    the error shrinks it tends to ``f_input - f_baseline`` (METHOD: exact identities).
    ``error_estimate`` is the adaptive grid's own, in units of F; None for a uniform grid.
    """

    pair: int
    f_input: float
    f_baseline: float
    cut_sum: float
    n_points: int
    error_estimate: float | None


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
    memory = memory or Memory.of(reranker)
    encoded = reranker.encode(pairs)
    lengths = [len(pair) for pair in encoded]
    tracer = find_tracer(reranker, reranker.collate([min(encoded, key=len)]))
    for group in length_batches(lengths, memory.batch_tokens, rows_each=settings.first_points):
        batch = _Group(reranker, tracer, [encoded[i] for i in group], settings, memory)
        batch.run()
        for number, pair in zip(group, batch.pairs, strict=True):
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

    def run(self) -> None:
        """Evaluate what the pairs ask for until every one is done."""
        active = list(range(len(self.pairs)))
        while active:
            asked = self._asked(active)
            active = [row for row in active if asked[row]]
            self._evaluate([(row, point) for row in active for point in asked[row]])

    def _asked(self, active: list[int]) -> dict[int, tuple[float, ...]]:
        """The next points of each pair, shared out so that they fit in one pass."""
        asked: dict[int, tuple[float, ...]] = {}
        left = self.memory.batch_tokens // self.paths.n_tokens
        for i, row in enumerate(active):
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
        self._kept: dict[float, Row] = {}
        self._cut = Cut()

    def wanted(self, most: int) -> tuple[float, ...]:
        """The next points to evaluate: of an element that waits for its rows, else new ones."""
        if self._waiting:
            missing = [point for point in self._waiting[0].points if point not in self._kept]
            return tuple(missing[:most])
        return self.grid.wanted(most)

    def take(self, points: tuple[float, ...], traced: Traced, kept_bytes: int) -> None:
        """Use what was evaluated at ``points``, a row of ``traced`` each."""
        if not self._waiting:
            values = traced.values.tolist()
            self.n_points += len(points)
            self.ends |= {p: f for p, f in zip(points, values, strict=True) if p in (0.0, 1.0)}
            self._cut.add(points, traced)
            self._waiting += self.grid.add(points, values, traced.slopes.tolist(), self._cut)
            self._cut.forget_all_but(self.grid.pending())
        known = {**self._kept, **{p: traced.row(i) for i, p in enumerate(points)}}
        ready = [one for one in self._waiting if known.keys() >= set(one.points)]
        self._waiting = [one for one in self._waiting if not known.keys() >= set(one.points)]
        if ready:
            self._add(ready, points, traced)
        self._keep(known, kept_bytes)

    def check(self, number: int) -> PairCheck:
        """How well the pair was integrated, once it is done."""
        return PairCheck(
            number,
            self.ends[1.0],
            self.ends[0.0],
            self.cut_sum,
            self.n_points,
            self.grid.error_estimate,
        )

    def _add(self, elements: list[Element], points: tuple[float, ...], traced: Traced) -> None:
        """Reduce the elements to a number per neuron and add them to the scores."""
        needed = {point for element in elements for point in element.points}
        if needed <= set(points):
            matrix = assemble(elements, points)
            sums = {
                key: reduced(matrix, output, traced.gradients[key])
                for key, output in traced.outputs.items()
            }
        else:
            known = {p: traced.row(i) for i, p in enumerate(points)} | self._kept
            matrix = assemble(elements, sorted(needed))
            sums = reduced_rows(matrix, [known[point] for point in sorted(needed)])
        self.cut_sum += float(sums[CUT].double().sum())
        parts = [sums[key][columns] for _, key, columns in self.places]
        self.scores += torch.cat(parts).double().cpu().numpy()

    def _keep(self, known: dict[float, Row], kept_bytes: int) -> None:
        """Keep the rows that will be used again, as many as may be; the rest is let go."""
        waiting = [point for element in self._waiting for point in element.points]
        needed = dict.fromkeys(p for p in (*waiting, *self.grid.pending()) if p in known)
        if not needed:
            self._kept = {}
            return
        most = max(MOST_ELEMENT_POINTS - 1, kept_bytes // next(iter(known.values())).n_bytes)
        kept = list(needed)[:most]
        self._kept = {p: self._kept.get(p) or known[p].copy() for p in kept}


class Cut:
    """The residual stream after the middle layer, and ∂F/∂ of it, at some points of a path.

    The scores of all of it add up to the change of F, however small the piece of the path
    (METHOD: exact identities), which tells the error of an element.
    """

    def __init__(self) -> None:
        self._rows: dict[float, tuple[np.ndarray, np.ndarray]] = {}

    def add(self, points: Sequence[float], traced: Traced) -> None:
        """Take a row of ``traced`` for each point."""
        for i, point in enumerate(points):
            pair = traced.outputs[CUT][i], traced.gradients[CUT][i]
            self._rows[point] = tuple(x.double().flatten().cpu().numpy() for x in pair)

    def forget_all_but(self, points: Sequence[float]) -> None:
        """Let the rows of all other points go."""
        self._rows = {point: self._rows[point] for point in points if point in self._rows}

    def sum(self, element: Element) -> float:
        """Sum of the scores of the cut over an element."""
        rows = [self._rows[point] for point in element.points]
        outputs, gradients = (np.stack(part) for part in zip(*rows, strict=True))
        return float((element.matrix * (gradients @ outputs.T)).sum())


def reduced_rows(matrix: np.ndarray, rows: Sequence[Row]) -> dict[object, torch.Tensor]:
    """As ``reduced``, of each output of rows that lie apart in memory; one output at a time."""
    return {
        key: reduced(
            matrix,
            torch.stack([row.outputs[key] for row in rows]),
            torch.stack([row.gradients[key] for row in rows]),
        )
        for key in rows[0].outputs
    }


def reduced(matrix: np.ndarray, outputs: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Σ_tokens Σ_{k,l} M[k, l] g_k · y_l of every neuron: shape (width,).

    ``outputs`` and ``gradients`` have shape (n_rows, n_tokens, width), the matrix (n_rows, n_rows).
    The rows differ little, so their differences need every bit of the products.
    """
    n_rows, n_tokens, width = outputs.shape
    kind = torch.promote_types(outputs.dtype, torch.float32)
    weights = torch.from_numpy(matrix).to(outputs.device, kind)
    with matrix_precision("highest"):
        weighted = weights @ outputs.reshape(n_rows, -1).to(kind)
    weighted.mul_(gradients.reshape(n_rows, -1))
    return weighted.sum(dim=0).view(n_tokens, width).sum(dim=0)
