"""Gradient × activation: what F loses without a neuron, to first order, at the pair itself.

Σ_tokens (y − r) ∂F/∂y with the neuron's output y and what it gives instead, r: the Taylor
criterion of Molchanov et al. 2017 ("Pruning Convolutional Neural Networks for Resource Efficient
Inference", equation 6, with its sign), known as attribution patching (Nanda 2023) where r is
another input's output. One forward and one backward pass give it for every neuron.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from relevance_neurons.attribution.batches import score_batches
from relevance_neurons.attribution.pair_scores import PairCheck
from relevance_neurons.attribution.scaled_modules import Question
from relevance_neurons.attribution.stock_modules import StockModules, blocks_that_run_again
from relevance_neurons.attribution.tracing import CUT, StockTracer, Tracer, find_tracer
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.reranker import Reranker

COST_FORWARDS = 2.0
"""A forward pass, and a backward pass to the outputs."""


def scores(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    *,
    label: str,
    target: str,
    reference_values: np.ndarray | None = None,
    memory: Memory | None = None,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_neurons,); longest pairs first.

    F is the ``target`` of ``label``. ``reference_values``, shape (n_neurons,): what the neurons
    give while they are switched off; None: 0. A module that runs again in a pass (DeBERTa's, over
    relative positions) counts with all of its runs, as an ablation switches it off in all; there it
    gives the same for all rows of a pass, so that such a ranker takes a pass for each pair.
    """
    encoded = reranker.encode(pairs)
    tracer = find_tracer(reranker, encoded)
    again = _run_again(reranker, tracer, encoded)
    if again:
        question = Question.of(reranker, label, target, reference_values)
        for row, pair in enumerate(encoded):
            (value,), (found,) = StockModules(question, [pair], again).at_input()
            yield PairCheck(row, value, None, None, 1, None, cost_forwards=COST_FORWARDS), found
        return
    references = _by_key(tracer, reference_values)

    def compute(batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.enable_grad(), reranker.precision("attribution"):
            sums = _Sums(references)
            value = reranker.target_value(tracer(batch, sums.watch), label, target)
            torch.autograd.grad(value.sum(), sums.starts, allow_unused=True)
        return value.detach(), sums.of_neurons(tracer, len(value))

    yield from score_batches(reranker, encoded, compute, COST_FORWARDS, memory)


def _run_again(
    reranker: Reranker, tracer: Tracer, encoded: Sequence[EncodedPair]
) -> frozenset[Block]:
    """The modules that a pass runs more than once, none in our own forward pass."""
    if not encoded or not isinstance(tracer, StockTracer):
        return frozenset()
    return blocks_that_run_again(reranker, encoded[0])


class _Sums:
    """Σ_tokens (y − r) ∂F/∂y by key, formed in the backward pass: no gradient is kept.

    The outputs that nothing before them gives a gradient (the first layer's query, key and value,
    what a decoder computes of its start token) are where the backward pass ends: it goes neither
    to the embeddings nor to a weight.
    """

    def __init__(self, references: Mapping[object, torch.Tensor]) -> None:
        self.references = references
        self.starts: list[torch.Tensor] = []
        self._sums: dict[object, torch.Tensor] = {}

    def watch(self, key: object, output: torch.Tensor) -> None:
        """Reduce the ``output`` once its gradient is there."""
        if key == CUT:
            return
        if not output.requires_grad:
            self.starts.append(output.requires_grad_())
        # Neither the output nor ``self``, which may hold it: the hook would hold what holds it.
        own, sums, reference = output.detach(), self._sums, self.references.get(key)

        def reduce(gradient: torch.Tensor) -> None:
            sums[key] = _reduced(own, gradient, reference)

        output.register_hook(reduce)

    def of_neurons(self, tracer: Tracer, n_rows: int) -> torch.Tensor:
        """The sums of all neurons, shape (n_rows, n_neurons); 0 for what F does not read."""
        known = next(iter(self._sums.values()))
        parts = [
            self._sums[key][:, columns]
            if key in self._sums
            else known.new_zeros(n_rows, block.size)
            for block, key, columns in tracer.places
        ]
        return torch.cat(parts, dim=1)


def _reduced(
    output: torch.Tensor, gradient: torch.Tensor, reference: torch.Tensor | None
) -> torch.Tensor:
    """Σ_tokens (y − r) g in at least float32: shape (n_rows, width) from (n_rows, n_tokens, width).

    Padding has no share in it: F does not depend on it, so its gradient is 0.
    """
    kind = torch.promote_types(output.dtype, torch.float32)
    change = output.to(kind)
    if reference is not None:
        change = change - reference.to(change)
    return (change * gradient).sum(dim=1)


def _by_key(tracer: Tracer, values: np.ndarray | None) -> dict[object, torch.Tensor]:
    """What the outputs of each key give while they are switched off, shape (width,)."""
    if values is None:
        return {}
    parts: dict[object, list[tuple[int, torch.Tensor]]] = {}
    for block, key, columns in tracer.places:
        own = torch.tensor(values[block.slice])
        parts.setdefault(key, []).append((columns.start, own))
    return {
        key: torch.cat([own for _, own in sorted(some, key=lambda one: one[0])])
        for key, some in parts.items()
    }
