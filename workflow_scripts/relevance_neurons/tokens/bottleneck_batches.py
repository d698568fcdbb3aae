"""Bottlenecks at layers of a ranker, for pairs in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.attribution.upper_layers import States, UpperLayers
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.reranker import LABELS, Reranker
from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.label_values import label_of_each
from relevance_neurons.tokens.noise import noise_key
from relevance_neurons.tokens.optimisation import Asked, Descent, optimise
from relevance_neurons.tokens.restriction import Restriction

Pairs = Sequence[tuple[str, str]]
Scored = tuple[int, TokenCheck, np.ndarray]
"""A layer, a pair's check and its scores, shape (n_tokens,)."""
ENOUGH = 8
"""A pass of this part of the most tokens takes hardly longer a token than a full one; padding does,
and a mask."""
Restrict = Callable[[States, int], Restriction]
"""From a batch's states and a layer to the bottleneck on its output."""


@dataclass(frozen=True)
class Bottlenecks:
    """A bottleneck at each of ``layers``, made by ``restrict``, and how it is closed.

    With ``as_published`` the states hold the layers' inputs too, and scores are those of the last
    pass, before its update.
    """

    reranker: Reranker
    layers: Sequence[int]
    restrict: Restrict
    descent: Descent
    seed: int
    as_published: bool = False

    def scores(self, pairs: Pairs, labels: str | Sequence[str], memory: Memory) -> Iterator[Scored]:
        """Yield layer, check and scores of each pair at each layer; longest pairs first."""
        indices = label_indices(labels, len(pairs))
        encoded = self.reranker.encode(pairs)
        upper = UpperLayers.open(self.reranker, encoded)
        upper.check(self.layers)
        rows = [_Row(n, pairs[n], encoded[n], indices[n]) for n in range(len(pairs))]

        def run(batch: Sequence[int]) -> list[Scored]:
            return list(self._run(upper, [rows[n] for n in batch], memory))

        lengths, samples = [len(pair) for pair in encoded], self.descent.samples
        for group in length_batches(lengths, memory, rows_each=samples):
            enough = memory.batch_tokens // ENOUGH
            for batch in hardly_padded(group, lengths, samples, enough):
                for _, found in halving(batch, memory, run):
                    yield from found

    def _run(self, upper: UpperLayers, rows: Sequence[_Row], memory: Memory) -> Iterator[Scored]:
        below = {layer - 1 for layer in self.layers} if self.as_published else set()
        states = upper.states([row.encoded for row in rows], sorted(below.union(self.layers)))
        labels = torch.tensor([row.label for row in rows], device=self.reranker.device)
        logs = self.reranker.log_probabilities(states.logits).gather(1, labels[:, None])
        p_labels = logs.double().exp().flatten().tolist()
        for layer in self.layers:
            restriction = self.restrict(states, layer)
            keys = [noise_key(self.seed, row.pair, layer) for row in rows]
            asked = Asked(upper, states, layer, labels, keys)
            found = optimise(asked, restriction, self.descent, memory)
            alpha = found.alpha_before if self.as_published else found.alpha
            own = restriction.double().information(alpha.double()).sum(2)
            check_finite(own)
            cost = self._cost_forwards(upper, layer)
            losses = zip(found.before.tolist(), found.after.tolist(), strict=True)
            for row, p, loss, some in zip(rows, p_labels, losses, own.cpu().numpy(), strict=True):
                n_tokens = len(row.encoded)
                check = TokenCheck(row.number, n_tokens, row.encoded.is_cut, p, *loss, cost)
                yield layer, check, some[:n_tokens]

    def _cost_forwards(self, upper: UpperLayers, layer: int) -> float:
        """Of a pair at a layer, with its share in the pass that gives the states of all layers."""
        n_passes = self.descent.steps * self.descent.samples
        return 1 / len(self.layers) + n_passes * upper.cost_forwards(layer)


class _Row(NamedTuple):
    """A pair, its place among those given, its tokens and the index of its label."""

    number: int
    pair: tuple[str, str]
    encoded: EncodedPair
    label: int


def hardly_padded(
    group: Sequence[int], lengths: Sequence[int], rows_each: int, enough: int
) -> Iterator[list[int]]:
    """Parts of a group of pairs, longest first: a shorter one begins another part.

    Unless there are less than ``enough`` tokens in the part, each pair taking ``rows_each`` rows.
    """
    part: list[int] = []
    for number in group:
        longest = lengths[part[0]] if part else 0
        if lengths[number] < longest and len(part) * rows_each * longest >= enough:
            yield part
            part = []
        part.append(number)
    if part:
        yield part


def label_indices(labels: str | Sequence[str], n_pairs: int) -> list[int]:
    """Which of the two logits belongs to each pair's label; one label is that of all pairs.

    Raises ``UserError`` as ``label_of_each`` does.
    """
    return [LABELS.index(label) for label in label_of_each(labels, n_pairs)]
