"""Score pairs in passes over batches of like length: what methods of a single pass share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch

from relevance_neurons.attribution.pair_scores import PairCheck
from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.reranker import Reranker

Compute = Callable[[Mapping[str, torch.Tensor]], tuple[torch.Tensor, torch.Tensor]]
"""From a batch to F, shape (n_rows,), and every neuron's scores, shape (n_rows, n_neurons)."""


def score_batches(
    reranker: Reranker,
    encoded: Sequence[EncodedPair],
    compute: Compute,
    cost_forwards: float,
    memory: Memory | None = None,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_neurons,) in float64; longest pairs first.

    Raises ``UserError`` for values that are no finite numbers, and if one pair alone is too large
    for the memory.
    """
    memory = memory or reranker.memory()

    def run(rows: Sequence[int]) -> tuple[list[float], np.ndarray]:
        values, scores = compute(reranker.collate([encoded[row] for row in rows]))
        check_finite(values, scores)
        return values.double().tolist(), scores.double().cpu().numpy()

    for batch in length_batches([len(pair) for pair in encoded], memory):
        for rows, (values, scores) in halving(batch, memory, run):
            for row, value, own in zip(rows, values, scores, strict=True):
                yield PairCheck(row, value, None, None, 1, None, cost_forwards=cost_forwards), own
