"""The score that patches, regressions and edits are about, of many pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from relevance_neurons.mechanism.runs import read_scores
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import halving, length_batches
from relevance_neurons.rankers.reranker import Reranker


@torch.inference_mode()
def pair_logits(reranker: Reranker, encoded: Sequence[EncodedPair]) -> np.ndarray:
    """The logit of relevant (of two logits the margin) of each pair: float64, shape (n_pairs,).

    By the model's own forward pass, in the arithmetic of attribution.
    """
    found, memory = np.empty(len(encoded)), reranker.memory()

    def score(rows: Sequence[int]) -> np.ndarray:
        with reranker.precision("attribution"):
            logits = reranker.model(**reranker.collate([encoded[row] for row in rows])).logits
        return read_scores(reranker, logits).double().cpu().numpy()

    for rows in length_batches([len(pair) for pair in encoded], memory):
        for part, scores in halving(rows, memory, score):
            found[list(part)] = scores
    return found
