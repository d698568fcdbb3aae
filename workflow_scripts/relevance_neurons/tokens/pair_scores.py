"""What the ranker gives for pairs that are tokenised already, such as those that lost tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.many_ablations import ManyAblations
from relevance_neurons.rankers.memory import halving, length_batches
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress


def log_p_relevant(
    reranker: Reranker, encoded: Sequence[EncodedPair], progress: Progress | None = None
) -> np.ndarray:
    """log p(relevant) of each pair, float32, shape (n_pairs,): that of ``rerank_under_ablations``.

    The logarithm and not p, which is 1 for all pairs that a ranker is sure of, and would tie them.
    ``progress`` counts the pairs.
    """
    score, memory = ManyAblations(reranker, encoded, [{}]), reranker.memory()
    scores = np.empty(len(encoded), dtype=np.float32)
    for rows in length_batches([len(pair) for pair in encoded], memory):
        for part, found in halving(rows, memory, score):
            scores[part] = found[0]
            if progress is not None:
                progress.update(len(part))
    return scores
