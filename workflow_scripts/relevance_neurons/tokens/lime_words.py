"""What LIME takes for the words of a pair, and which tokens get a word's coefficient."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.token_table import describe


@dataclass(frozen=True)
class Words:
    """``taken``: the word that each token goes with, -1 for one that always stays; int, shape
    (n_tokens,). ``scored``: the word whose coefficient it gets, -1 for 0, ``UNSEEN`` for the
    largest.
    """

    n_words: int
    taken: np.ndarray
    scored: np.ndarray
    removal: str

    def __len__(self) -> int:
        return self.n_words

    def positions(self, gone: np.ndarray) -> np.ndarray:
        """Tokens of the words that are ``gone``, bool, shape (n_words,)."""
        return np.flatnonzero(np.append(gone, False)[self.taken])  # the last is that of -1

    def scores(self, coefficients: np.ndarray) -> np.ndarray:
        """Scores of the tokens, shape (n_tokens,), from the words', shape (n_words,)."""
        largest = coefficients.max() if len(coefficients) else 0.0
        return np.append(coefficients, [largest, 0.0])[self.scored]  # the last is that of -1


UNSEEN = -2
"""Of a token that LIME did not see."""


def whole_words(pair: EncodedPair) -> Words:
    """Every word by itself; its coefficient stands on all its pieces."""
    numbers = np.array([-1 if word is None else word for word in pair.words])
    return Words(int(numbers.max()) + 1, numbers, numbers, "mask")


def legacy_words(reranker: Reranker, pair: EncodedPair) -> Words:
    """As in the public code: a word is what its letters are, wherever it stands.

    Its score is looked up by a token's text, so that pieces of longer words, and punctuation, are
    not found: they get the largest coefficient (METHOD, section 3).
    """
    table = describe(reranker, [pair])
    special, texts = pair.special.tolist(), table["word"].to_list()
    numbers: dict[str, int] = {}
    for text, is_special in zip(texts, special, strict=True):
        if not is_special and re.search(r"\w", text):
            numbers.setdefault(text, len(numbers))
    shown = [token.lstrip("▁") for token in table["token"]]
    taken = _found(numbers, texts, special, -1)
    return Words(len(numbers), taken, _found(numbers, shown, special, UNSEEN), "deletion")


def _found(
    numbers: Mapping[str, int], texts: Sequence[str], special: Sequence[bool], unseen: int
) -> np.ndarray:
    return np.array(
        [
            -1 if is_special else numbers.get(text, unseen)
            for text, is_special in zip(texts, special, strict=True)
        ]
    )
