"""Words of a passage that mean nearly what a query word means, by the ranker's own embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from relevance_neurons.collections.words import Analyser
from relevance_neurons.mechanism.words import is_word

PERCENTILE = 99.5
"""Of a query word's cosines to the collection's words: from here on another word is a match."""
MOST_WORDS = 100_000
"""Of a collection's words that stand for all of them: vectors of millions fill the memory."""
_AT_ONCE = 64

Vectors = Callable[[Sequence[str]], np.ndarray]


def soft_matches(
    query_words: Iterable[str],
    passage_words: Iterable[str],
    collection_words: Iterable[str],
    vectors: Vectors,
    language: str = "english",
) -> dict[str, frozenset[str]]:
    """Each query word, punctuation left out -> those of ``passage_words`` that match it softly.

    They are not equal to it nor of its stem (Snowball's of ``language``), and their cosine to it
    is at least the ``PERCENTILE`` of its cosines to all ``collection_words`` but itself; of more
    than ``MOST_WORDS`` to every second, third, … along the alphabet. All words in normal form
    (``word_of``); ``vectors`` gives each word's vector, shape (n_words, width). A word without a
    vector (NaN, or all 0) matches nothing, and punctuation neither: it is near to frequent words.
    """
    asked, read = (sorted(filter(is_word, set(words))) for words in (query_words, passage_words))
    counted = _evenly(sorted(set(collection_words)))
    if not (asked and read and counted):
        return {word: frozenset() for word in asked}
    unit = {words: _unit(vectors(words)) for words in map(tuple, (asked, read, counted))}
    stems = _stems({*asked, *read}, language)
    found = {}
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        own = unit[tuple(asked)][start : start + _AT_ONCE]
        least = _thresholds(part, counted, own @ unit[tuple(counted)].T)
        close = own @ unit[tuple(read)].T >= least[:, None]  # NaN is never as large
        for word, row in zip(part, close, strict=True):
            near = (read[place] for place in np.flatnonzero(row))
            found[word] = frozenset(one for one in near if stems[one] != stems[word])
    return found


def _evenly(words: Sequence[str]) -> Sequence[str]:
    """At most ``MOST_WORDS`` of them, as far from each other."""
    return words[:: max(1, -(-len(words) // MOST_WORDS))]


def _thresholds(words: Sequence[str], counted: Sequence[str], cosines: np.ndarray) -> np.ndarray:
    """Of each word, over the words that have a vector; NaN where there is none."""
    places = {word: place for place, word in enumerate(counted)}
    least = np.full(len(words), np.nan)
    for number, word in enumerate(words):
        others = cosines[number]
        if word in places:
            others = np.delete(others, places[word])
        others = others[np.isfinite(others)]
        if len(others):
            least[number] = np.percentile(others, PERCENTILE)
    return least


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; NaN where there is no direction."""
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.full_like(vectors, np.nan), where=lengths > 0)


def _stems(words: Iterable[str], language: str) -> Mapping[str, str]:
    """Each word's stem; the word itself where the language's rules leave nothing of it."""
    ordered = sorted(words)
    stems = Analyser(language).documents(pl.Series(ordered, dtype=pl.String))
    return {word: stem or word for word, stem in zip(ordered, stems, strict=True)}
