"""Scores that know nothing of the ranker: what any method has to beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan

import numpy as np

from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.keyed_draws import generator_of
from relevance_neurons.tokens.removal import probabilities


def scores(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    labels: Sequence[str],
    *,
    seed: int = 0,
    memory: Memory | None = None,
) -> Iterator[tuple[TokenCheck, np.ndarray]]:
    """Yield each pair's check and scores, uniform on [0, 1), shape (n_tokens,), in the order given.

    They are drawn from (seed, texts of the pair): the same in every batch and shard, and under
    either label.
    """
    encoded = reranker.encode(pairs)
    found = probabilities(reranker, encoded, labels, memory)
    for number, (pair, p_label) in enumerate(zip(encoded, found, strict=True)):
        drawn = generator_of(seed, pairs[number], "random tokens").random(len(pair))
        yield TokenCheck(number, len(pair), pair.is_cut, float(p_label), nan, nan, 1.0), drawn
