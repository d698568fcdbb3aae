"""Scores that know nothing: what any method has to beat."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256

import numpy as np

from relevance_neurons.attribution.pair_scores import PairCheck
from relevance_neurons.rankers.reranker import Reranker


def scores(
    reranker: Reranker, pairs: Sequence[tuple[str, str]], *, label: str, seed: int
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and standard normal scores, shape (n_neurons,), in the order given.

    They are drawn from (seed, label, texts of the pair): independent between pairs, labels and
    collections, and the same in every shard.
    """
    reranker.encode(pairs)  # refuses what are no pairs
    for number, texts in enumerate(pairs):
        digest = sha256(json.dumps([label, *texts]).encode()).digest()
        random = np.random.default_rng([seed, int.from_bytes(digest)])
        check = PairCheck(number, None, None, None, 0, None, cost_forwards=0.0)
        yield check, random.standard_normal(len(reranker.neurons))
