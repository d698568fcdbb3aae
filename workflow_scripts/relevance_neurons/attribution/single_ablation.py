"""What F loses without a neuron, measured: each candidate is switched off alone.

What every method of ``methods.py`` estimates, at the price of a forward pass through the layers
above for each candidate: so another method's map says which are worth it (``candidates.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import torch

from relevance_neurons.attribution.pair_scores import PairCheck
from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.rankers.many_ablations import ManyAblations
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.reranker import Reranker


def scores(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    *,
    label: str,
    target: str,
    candidates: pl.DataFrame,
    reference_values: np.ndarray | None = None,
    memory: Memory | None = None,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_neurons,); longest pairs first.

    The score of a neuron of ``candidates`` (layer, component, neuron) is F(x) less F with the
    neuron at its reference at every token, F the ``target`` of ``label``; that of all others is 0.
    ``reference_values``, shape (n_neurons,): what the neurons give instead; None: 0. F is formed in
    float64, from logits as exact as the ranker's arithmetic.

    Layers below a neuron run once for a batch. n_points counts the passes: one a candidate and the
    whole ranker. Raises ``UserError`` for no candidates, for one that the ranker does not have,
    for a score that is no finite number, and if one pair alone is too large for the memory.
    """
    reranker.neurons.select(candidates)  # refuses what are no neurons of this ranker
    places = reranker.neurons.numbers(candidates)
    values = np.zeros(len(places)) if reference_values is None else reference_values[places]
    neurons = candidates.select(NEURON_COLUMNS).with_columns(value=pl.Series(values))
    ablations = [{}, *(reranker.neurons.off(neurons[row]) for row in range(len(neurons)))]

    def value(logits: torch.Tensor) -> torch.Tensor:
        return reranker.target_value(logits.double(), label, target)

    encoded = reranker.encode(pairs)
    compute = ManyAblations(reranker, encoded, ablations, value)
    cost = compute.cost_forwards
    memory = memory or reranker.memory()
    for batch in length_batches([len(pair) for pair in encoded], memory):
        for rows, found in halving(batch, memory, compute):
            check_finite(torch.from_numpy(found))
            for row, own in zip(rows, found.T, strict=True):
                changes = np.zeros(len(reranker.neurons))
                changes[places] = own[0] - own[1:]
                check = PairCheck(
                    row, float(own[0]), None, None, len(own), None, cost_forwards=cost
                )
                yield check, changes
