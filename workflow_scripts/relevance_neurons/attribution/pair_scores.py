"""Neuron Integrated Gradients of every neuron, pair by pair.

A few pairs go through the ranker together. Each has a grid that asks for points of its path,
and gives elements of it once it knows enough; an element whose points have all been evaluated is
reduced to a number per neuron, and what no element needs any more is let go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

import numpy as np
import torch

from relevance_neurons.attribution.adaptive import FIRST_PANELS, AdaptiveGrid
from relevance_neurons.attribution.halved_grid import HalvedGrid
from relevance_neurons.attribution.pair_sums import PairSums
from relevance_neurons.attribution.paths import Paths
from relevance_neurons.attribution.quadrature import Grid, UniformGrid
from relevance_neurons.attribution.token_kinds import kind_matrix
from relevance_neurons.attribution.tracing import Traced, Tracer, find_tracer, trace
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.reranker import Reranker


@dataclass(frozen=True)
class Settings:
    """How a pair is attributed; see ``attribute``.

    With ``halved`` every step along the path is half as long as the other settings make it; with
    ``token_kinds`` the scores are given by kind of token too.
    """

    label: str = "relevant"
    baseline: str = "pad_all"
    target: str = "probability"
    quadrature: str = "adaptive"
    tolerance: float = 0.02
    n_points: int = 25
    halved: bool = False
    token_kinds: bool = False

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
    """How well pair number ``pair`` was scored; None for what its method does not have.

    ``cut_sum`` is the sum of the scores of a cut: the residual stream after the middle layer. As
    the error shrinks it tends to ``f_input - f_baseline`` (METHOD: exact identities).
    ``error_estimate`` is the adaptive grid's own, in units of F. A pair that ``is_given_up`` missed
    the tolerance with as many points as a pair may have. ``cost_forwards``: forward passes that the
    pair cost; a backward pass to outputs counts as one.
    """

    pair: int
    f_input: float | None
    f_baseline: float | None
    cut_sum: float | None
    n_points: int
    error_estimate: float | None
    is_given_up: bool = False
    cost_forwards: float = field(kw_only=True)


def score_pairs(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    settings: Settings,
    memory: Memory | None = None,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_neurons,); longest pairs first.

    With ``settings.token_kinds`` the shape is (1 + n_kinds, n_neurons): the scores, and below them
    their parts by kind of token, in the order of ``TOKEN_KINDS``.

    ``memory`` bounds the rows of a pass and what is kept of earlier ones; what had to be let go
    before it was used is evaluated again.
    """
    settings.grid()
    memory = memory or reranker.memory()
    encoded = reranker.encode(pairs)
    lengths = [len(pair) for pair in encoded]
    tracer = find_tracer(reranker, encoded)

    def run(rows: Sequence[int]) -> list[PairSums]:
        return _Group(reranker, tracer, [encoded[i] for i in rows], settings, memory).run()

    for group in length_batches(lengths, memory, rows_each=settings.first_points):
        for rows, done in halving(group, memory, run):
            for number, pair in zip(rows, done, strict=True):
                scores = pair.scores
                if pair.kind_scores is not None:
                    scores = np.vstack([scores, pair.kind_scores])
                yield _check(number, pair), scores


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
        self.pairs = [
            PairSums(settings.grid(), tracer, len(reranker.neurons), self._kinds(pair))
            for pair in encoded
        ]

    def run(self) -> list[PairSums]:
        """Evaluate what the pairs ask for until every one is done."""
        active = list(range(len(self.pairs)))
        while active:
            asked = self._asked(active)
            active = [row for row in active if asked.get(row) != ()]
            self._evaluate([(row, point) for row, points in asked.items() for point in points])
        return self.pairs

    def _kinds(self, pair: EncodedPair) -> np.ndarray | None:
        if not self.settings.token_kinds:
            return None
        return kind_matrix(pair, self.paths.n_tokens, self.reranker.tokenizer.decode)

    def _asked(self, active: list[int]) -> dict[int, tuple[float, ...]]:
        """The next points of each pair, none once it is done; as many pairs as fit in one pass."""
        asked, left = {}, max(1, self.memory.batch_tokens // self.paths.n_tokens)
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


def _check(number: int, pair: PairSums) -> PairCheck:
    """How well a pair was integrated, once it is done."""
    return PairCheck(
        number,
        pair.ends[1.0],
        pair.ends[0.0],
        pair.cut_sum,
        pair.n_points,
        pair.grid.error_estimate,
        pair.grid.is_given_up,
        cost_forwards=2.0 * pair.n_passes,  # points let go count again
    )
