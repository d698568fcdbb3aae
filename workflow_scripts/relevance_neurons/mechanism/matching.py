"""How much more a query word looks at its equals in the passage than the query's other words do.

The contrast takes out what any token would see there: a head that looks at a place, a frequent word
or the whole passage has none. The null is the same attention with the words of the passage at
shuffled places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from relevance_neurons.mechanism.pair_tokens import PairTokens
from relevance_neurons.mechanism.query_attention import n_query_places
from relevance_neurons.mechanism.words import is_word


@dataclass(frozen=True)
class Contrasts:
    """The query words of a batch that are in the passage and have other words beside them.

    ``pairs``: the pair of each word, shape (n_words,). ``sources``: the weight of each place that
    attention comes from, shape (n_words, n_places): 1 / n on the word's n tokens, -1 / m on the m
    tokens of the query's other words. ``targets``: 1 at the tokens of its equals in the passage,
    shape (n_words, n_tokens); ``shuffled``: at theirs where the passage's words are in random
    order, shape (n_words, n_shuffles, n_tokens). ``n_without``: words in the passage that have no
    contrast, as the query has no other word.
    """

    pairs: torch.Tensor
    sources: torch.Tensor
    targets: torch.Tensor
    shuffled: torch.Tensor
    n_without: int

    def __len__(self) -> int:
        return len(self.pairs)

    def to(self, patterns: torch.Tensor) -> Contrasts:
        """The same on the device and in the number format of ``patterns``."""
        parts = (self.sources, self.targets, self.shuffled)
        return Contrasts(
            self.pairs.to(patterns.device), *(part.to(patterns) for part in parts), self.n_without
        )


def contrasts(
    pairs: Sequence[PairTokens], orders: Sequence[np.ndarray], n_tokens: int
) -> Contrasts:
    """Of a batch of pairs of at most ``n_tokens`` tokens.

    ``orders``: each pair's ``shuffled_orders``. One order serves all words of a pair: the words of
    its passage change places with each other.
    """
    n_places, numbers, sources, targets, shuffled, n_without = (
        n_query_places(pairs),
        [],
        [],
        [],
        [],
        0,
    )
    for number, (pair, order) in enumerate(zip(pairs, orders, strict=True)):
        for word in pair.matched:
            weights = source_weights(pair, word, n_places)
            if weights is None:
                n_without += 1
                continue
            equal = np.isin(pair.passage, pair.places_of(word, pair.passage))
            numbers.append(number)
            sources.append(weights)
            targets.append(_spread(equal, pair, n_tokens))
            shuffled.append(_spread(equal[order], pair, n_tokens))
    n_shuffles = len(orders[0]) if len(orders) else 0
    return Contrasts(
        torch.tensor(numbers, dtype=torch.int64),
        _stack(sources, (n_places,)),
        _stack(targets, (n_tokens,)),
        _stack(shuffled, (n_shuffles, n_tokens)),
        n_without,
    )


def source_weights(pair: PairTokens, word: str, n_places: int) -> np.ndarray | None:
    """See ``Contrasts.sources``; None where the query has no other word."""
    own = pair.places_of(word, pair.query)
    others = [i for i in pair.query if pair.words[i] != word and is_word(pair.words[i])]
    if not others:
        return None
    weights = np.zeros(n_places, dtype=np.float32)
    weights[own], weights[others] = 1 / len(own), -1 / len(others)
    return weights


def shuffled_orders(pair: PairTokens, n_shuffles: int, rng: np.random.Generator) -> np.ndarray:
    """Orders of the passage's tokens, its words at random: shape (n_shuffles, n passage tokens).

    The pieces of a word stay together (so does a word that is there twice on end): attention to
    neighbours is alike, and scattered pieces would vary less than those of a word do.
    """
    words = np.array([pair.words[place] for place in pair.passage], dtype=object)
    numbers = np.cumsum(np.append([False], words[1:] != words[:-1])[: len(words)])
    each = np.tile(np.arange(len(set(numbers.tolist()))), (n_shuffles, 1))
    return np.argsort(rng.permuted(each, axis=1)[:, numbers], axis=1, kind="stable")


def match_sums(patterns: torch.Tensor, found: Contrasts) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums over the words of a batch, of each head: shapes (n_heads,) and (n_shuffles, n_heads).

    ``patterns`` as in ``kind_sums``. A word's share of the first: attention from a token of the
    word, on the mean over its tokens, to all tokens of its equals together, less that from a token
    of the query's other words to the same.
    """
    found = found.to(patterns)
    differences = torch.einsum("whij,wi->whj", patterns[found.pairs], found.sources)
    observed = torch.einsum("whj,wj->h", differences, found.targets)
    return observed, torch.einsum("whj,wsj->sh", differences, found.shuffled)


def _spread(chosen: np.ndarray, pair: PairTokens, n_tokens: int) -> np.ndarray:
    """``chosen``, by the passage's tokens in its last axis, put where they are in the pair."""
    spread = np.zeros((*chosen.shape[:-1], n_tokens), dtype=np.float32)
    spread[..., list(pair.passage)] = chosen
    return spread


def _stack(rows: list[np.ndarray], shape: tuple[int, ...]) -> torch.Tensor:
    return torch.from_numpy(np.stack(rows) if rows else np.zeros((0, *shape), dtype=np.float32))
