"""Switch neurons off, and re-rank under many such ablations at little more than the price of some.

A selected neuron's output (after its bias) becomes zero at every position; the weights stay as
they are (Vast et al. 2024, section 4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import polars as pl
import torch
from torch import nn

from relevance_neurons.errors import UserError
from relevance_neurons.memory import Memory, halving
from relevance_neurons.neurons import Block
from relevance_neurons.progress import Progress
from relevance_neurons.reranker import EncodedPair, Reranker, length_batches
from relevance_neurons.taps import Tap, tapped
from relevance_neurons.tracing import own_encoder

Selected = dict[Block, torch.Tensor]
"""The neurons of an ablation, as ``Neurons.select`` groups them; none for the whole ranker."""

VALUES = ("zero",)


@contextmanager
def ablate(reranker: Reranker, neurons: pl.DataFrame, value: str = "zero") -> Iterator[Reranker]:
    """Within the block, the ranker works with ``neurons`` (layer, component, neuron) switched off.

    Raises ``UserError`` for a neuron that the ranker does not have, for an empty frame, and for a
    ``value`` other than "zero".
    """
    if value not in VALUES:
        raise UserError(f"ablation.value: {value!r} was found; allowed: {', '.join(VALUES)}")
    with _switched_off(reranker, reranker.neurons.select(neurons)):
        yield reranker


def rerank_under_ablations(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    ablations: Sequence[pl.DataFrame | None],
    memory: Memory | None = None,
) -> np.ndarray:
    """log p(relevant) of each pair under each ablation: float32, shape (n_ablations, n_pairs).

    An ablation is a frame of neurons (layer, component, neuron), or None for the whole ranker.
    What is the same in several of them is computed once: equal ablations, everything before the
    first neuron switched off, and the first layers of those that agree in them. The last layer
    runs at the first token alone, where the ranker reads it. The states of one batch are held at
    a time, so memory, bounded by ``memory``, grows neither with the pairs nor with the ablations.
    """
    encoded = reranker.encode(pairs)
    distinct, places = _distinct(
        [{} if one is None else reranker.neurons.select(one) for one in ablations]
    )
    scores = np.empty((len(distinct), len(pairs)), dtype=np.float32)
    memory = memory or Memory.of(reranker)
    score = _scorer(reranker, encoded, distinct)
    with Progress(len(pairs) * len(distinct), "re-ranking under ablations") as progress:
        for rows in length_batches([len(pair) for pair in encoded], memory):
            for part, found in halving(rows, memory, score):
                scores[:, part] = found
                progress.update(len(part) * len(distinct))
    return scores[places]


def _distinct(selected: Sequence[Selected]) -> tuple[list[Selected], list[int]]:
    """The different ablations, and for each given one its place among them."""
    found: dict[tuple, int] = {}
    places = []
    for one in selected:
        key = tuple((block.start, columns.numpy().tobytes()) for block, columns in one.items())
        places.append(found.setdefault(key, len(found)))
    return [selected[places.index(number)] for number in range(len(found))], places


def _scorer(
    reranker: Reranker, encoded: Sequence[EncodedPair], ablations: Sequence[Selected]
) -> Callable[[Sequence[int]], np.ndarray]:
    """A function from numbers of pairs to their scores, shape (n_ablations, n_pairs)."""
    encoder = own_encoder(reranker, encoded, lambda own, x: next(own.ablated(x, own.plan([{}])))[1])
    plan = encoder.plan(ablations) if encoder else []

    def log_p(logits: torch.Tensor) -> np.ndarray:
        return reranker.log_probabilities(logits)[:, 1].float().cpu().numpy()

    def score(rows: Sequence[int]) -> np.ndarray:
        batch = reranker.collate([encoded[row] for row in rows])
        scores = np.empty((len(ablations), len(rows)), dtype=np.float32)
        with torch.inference_mode(), reranker.precision("ranking"):
            if encoder:
                for number, logits in encoder.ablated(batch, plan):
                    scores[number] = log_p(logits)
                return scores
            for number, neurons in enumerate(ablations):
                with _switched_off(reranker, neurons):
                    scores[number] = log_p(reranker.model(**batch).logits)
        return scores

    return score


def _switched_off(reranker: Reranker, selected: Selected) -> AbstractContextManager:
    """Within the block, the outputs ``selected`` of the ranker's modules are zero."""
    off: dict[nn.Module, list[tuple[int | None, torch.Tensor]]] = {}
    for block, columns in selected.items():
        off.setdefault(block.module, []).append((block.call, columns.to(reranker.device)))

    def zero(parts: list[tuple[int | None, torch.Tensor]]) -> Tap:
        def tap(call: int, output: torch.Tensor) -> torch.Tensor:
            for its_call, columns in parts:
                if its_call in (None, call):
                    output = output.index_fill(-1, columns, 0.0)
            return output

        return tap

    return tapped(reranker.model, {module: zero(parts) for module, parts in off.items()})
