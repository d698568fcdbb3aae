"""One pair on its way along the path: what it asks for, keeps of it, and has summed so far."""

from __future__ import annotations

import numpy as np
import torch

from relevance_neurons.attribution.quadrature import (
    MOST_ELEMENT_POINTS,
    Element,
    Grid,
    assemble,
)
from relevance_neurons.attribution.rows import CutRows, Rows, reduced_by_token, rows_at
from relevance_neurons.attribution.token_kinds import TOKEN_KINDS
from relevance_neurons.attribution.tracing import CUT, Traced, Tracer, check_finite
from relevance_neurons.rankers.kernels import matrix_precision


class PairSums:
    """The grid of a pair, the rows that are still needed, and its sums over elements so far.

    ``scores`` has shape (n_neurons,). With ``kinds``, shape (n_kinds, n_tokens) as ``kind_matrix``
    gives it, ``kind_scores`` has shape (n_kinds, n_neurons): the scores' parts by kind of token.
    """

    def __init__(
        self, grid: Grid, tracer: Tracer, n_neurons: int, kinds: np.ndarray | None = None
    ) -> None:
        self.grid, self.places = grid, tracer.places
        self.scores = np.zeros(n_neurons)
        self.kinds = None if kinds is None else torch.from_numpy(kinds)
        self.kind_scores = None if kinds is None else np.zeros((len(kinds), n_neurons))
        self.cut_sum = 0.0
        self.n_points = self.n_passes = 0
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
        self.n_passes += len(points)
        if not self._waiting:
            check_finite(traced.values, traced.slopes)
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

    def _add(self, elements: list[Element], rows: list[Rows]) -> None:
        """Reduce the elements to a number per neuron and add them to the scores."""
        matrix = torch.from_numpy(assemble(elements, [p for part in rows for p in part.points]))
        matrix = matrix.to(next(iter(rows[-1].outputs.values())).device)
        sums, by_kind = {}, {}
        for key in rows[-1].outputs:
            parts = [(one.outputs[key], one.gradients[key]) for one in rows if one]
            by_token = reduced_by_token(matrix, parts)
            sums[key] = by_token.sum(dim=0)
            if self.kinds is not None and key != CUT:
                by_kind[key] = self._by_kind(by_token)
        self.cut_sum += float(sums[CUT].double().sum())
        self.scores += self._of_neurons(sums)
        if self.kinds is not None:
            self.kind_scores += self._of_neurons(by_kind)

    def _by_kind(self, by_token: torch.Tensor) -> torch.Tensor:
        """The sums of each kind's tokens, shape (n_kinds, width).

        Where one token alone is computed the score is read there: a [CLS], or a decoder's own.
        """
        kinds = self.kinds.to(by_token)
        if len(by_token) == 1:
            kinds = torch.zeros_like(kinds[:, :1])
            kinds[TOKEN_KINDS.index("cls")] = 1.0
        with matrix_precision("highest"):
            return kinds @ by_token

    def _of_neurons(self, sums: dict[object, torch.Tensor]) -> np.ndarray:
        """Of the sums by key, last axis a module's outputs, those of all neurons in order."""
        parts = [sums[key][..., columns] for _, key, columns in self.places]
        return torch.cat(parts, dim=-1).double().cpu().numpy()

    def _keep(self, rows: list[Rows], kept_bytes: int) -> None:
        """Keep what will be used again, as much as may be; the rest is let go."""
        waiting = [point for element in self._waiting for point in element.points]
        places = {point: (part, i) for part in rows for i, point in enumerate(part.points)}
        needed = [p for p in dict.fromkeys((*waiting, *self.grid.pending())) if p in places]
        most = max(MOST_ELEMENT_POINTS - 1, kept_bytes // rows[-1].bytes_each)
        self._kept = rows_at(needed[:most], places)
