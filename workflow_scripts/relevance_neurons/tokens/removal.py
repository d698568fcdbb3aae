"""Pairs without some of their tokens, and what the ranker gives to them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

import numpy as np
import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.label_values import (
    are_relevant,
    label_of_each,
    label_values,
    logits_of,
)
from relevance_neurons.tokens.methods import REMOVALS

logger = logging.getLogger(__name__)


def without(encoded: EncodedPair, positions: Sequence[int], removal: str, tokenizer) -> EncodedPair:
    """The pair without the tokens at ``positions``.

    "deletion": what follows moves up, as in the paper's code. "mask": ``mask_token`` stands in
    their place. Which tokens may go is the caller's to say. Raises ``UserError`` for another
    ``removal``.
    """
    check_removal(removal)
    taken = torch.zeros(len(encoded), dtype=torch.bool)
    taken[torch.as_tensor(positions, dtype=torch.long)] = True
    if removal == "mask":
        ids = encoded.input_ids.masked_fill(taken, mask_token(tokenizer))
        return replace(encoded, input_ids=ids)
    return kept_tokens(encoded, ~taken)


def kept_tokens(encoded: EncodedPair, kept: torch.Tensor) -> EncodedPair:
    """The pair with only the tokens of ``kept``, bool, shape (n_tokens,)."""
    types = encoded.token_type_ids
    return replace(
        encoded,
        input_ids=encoded.input_ids[kept],
        token_type_ids=None if types is None else types[kept],
        fields=encoded.fields[kept],
        special=encoded.special[kept],
        words=tuple(compress(encoded.words, kept.tolist())),
    )


def mask_token(tokenizer) -> int:
    """The token that stands for a removed one: [MASK], else [UNK], else [PAD]."""
    names = ("mask_token_id", "unk_token_id", "pad_token_id")
    return next(
        found for found in (getattr(tokenizer, name) for name in names) if found is not None
    )


def say_what_masks(tokenizer) -> None:
    """A line in the log where the tokenizer has no mask token, and another one stands for it."""
    if tokenizer.mask_token_id is None:
        logger.info(
            "the tokenizer has no mask token: %s stands in the place of removed tokens",
            tokenizer.convert_ids_to_tokens(mask_token(tokenizer)),
        )


def check_removal(removal: str) -> None:
    """Raise ``UserError`` unless ``removal`` is one of ``REMOVALS``."""
    if removal not in REMOVALS:
        raise UserError(f"removal: {removal!r} was found; allowed: {', '.join(REMOVALS)}")


def probabilities(
    reranker: Reranker,
    encoded: Sequence[EncodedPair],
    labels: str | Sequence[str],
    memory: Memory | None = None,
) -> np.ndarray:
    """Probability of each pair's label (one for all, or one for each): float64, shape (n_pairs,).

    Raises ``UserError`` for unknown labels, or as ``logits_of`` does.
    """
    relevant = are_relevant(label_of_each(labels, len(encoded)))
    if not encoded:
        return np.empty(0)
    return label_values(reranker, logits_of(reranker, encoded, memory), relevant).numpy()
