"""How much the ranker's score falls without a token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.label_values import are_relevant, label_values, logits_of
from relevance_neurons.tokens.removal import say_what_masks, without
from relevance_neurons.tokens.variants import groups

PROBABILITY = "probability"


def scores(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    labels: Sequence[str],
    *,
    removal: str = "deletion",
    target: str = PROBABILITY,
    memory: Memory | None = None,
) -> Iterator[tuple[TokenCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_tokens,); longest pairs first.

    A token's score is F(x) - F(x without it), F the ``target`` of the pair's label; that of a
    special token, which is never taken out, is 0. The pairs without a token go through the ranker
    together, those of like length in one pass.
    """
    if removal == "mask":
        say_what_masks(reranker.tokenizer)
    memory = memory or reranker.memory()
    encoded = reranker.encode(pairs)
    for numbers in groups([len(pair) * (len(pair) + 2) for pair in encoded], memory):
        several = [_variants(encoded[row], removal, reranker.tokenizer) for row in numbers]
        logits = logits_of(reranker, [one for own in several for one in own], memory)
        for row, own in zip(numbers, logits.split([len(own) for own in several]), strict=True):
            relevant = are_relevant([labels[row]]).expand(len(own))
            values = label_values(reranker, own, relevant, target).numpy()
            p_label = label_values(reranker, own[:1], relevant[:1], PROBABILITY).item()
            yield _scored(row, encoded[row], values, p_label)


def _variants(pair: EncodedPair, removal: str, tokenizer) -> list[EncodedPair]:
    """The whole, then without each token that may go, then without all of these."""
    removable = torch.nonzero(~pair.special).flatten().tolist()
    taken = [*([place] for place in removable), removable]
    return [pair, *(without(pair, places, removal, tokenizer) for places in taken)]


def _scored(
    row: int, pair: EncodedPair, values: np.ndarray, p_label: float
) -> tuple[TokenCheck, np.ndarray]:
    found = np.zeros(len(pair))
    found[~pair.special.numpy()] = values[0] - values[1:-1]
    before, after = float(values[0]), float(values[-1])
    check = TokenCheck(row, len(pair), pair.is_cut, p_label, before, after, float(len(values)))
    return check, found
