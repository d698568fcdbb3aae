"""Rankers that learnt nothing: what their heads do needs no explanation, and is the null."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from relevance_neurons.checks.randomisation import reinitialised
from relevance_neurons.rankers.architectures import encoder_layers
from relevance_neurons.rankers.reranker import Reranker

STUDY = "study"
"""The name of the ranker that is studied, beside those of the random ones."""


def random_rankers(reranker: Reranker, n: int, seed: int) -> Iterator[tuple[str, Reranker]]:
    """Yield "random:0" … and a ranker of the same configuration as before any training.

    Everything is random, word embeddings too, drawn by transformers' own rules; tokenizer, length
    and precision are ``reranker``'s. The same ``seed`` gives the same rankers, of which the first
    few are the same for any ``n``. One at a time is held in memory, if the caller lets go.
    """
    n_layers = len(encoder_layers(reranker.model, reranker.architecture))
    for number in range(n):
        words = np.random.SeedSequence([seed, zlib.crc32(b"random_rankers"), number])
        own = int(words.generate_state(1)[0])
        yield f"random:{number}", reinitialised(reranker, n_layers, own, embeddings=True)
