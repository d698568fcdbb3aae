"""A word that is related to a query's term, and is not the term in another form.

By the ranker and the collection: neighbours of the term in the ranker's own word embeddings and in
the documents' co-occurrences, the two orders put together by reciprocal ranks (Cormack et al.
2009). By WordNet, where a study names its files: ``wordnet.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.collections.words import split_words, stemmer, stop_words
from relevance_neurons.mechanism.cooccurrences import cooccurrences
from relevance_neurons.mechanism.terms import Term

FROM_RANKER = "embeddings + co-occurrences"
FROM_WORDNET = "WordNet"

_DAMPING = 60
"""The constant of reciprocal ranks, as in the paper that proposed them."""
_SHARED_START = 4
"""Letters at the beginning from which on two words are forms of one; of a shorter word, all."""
_SHORTEST_START = 3
"""Of a word that is shorter still the beginning says nothing: "a" and "airfoil"."""
_SHARED_WITHIN = 5
"""The same anywhere: "dysarthria" and "ysarthria", "pneumophila" and "chlamydophila"."""
_NEAR = 0.95
"""A neighbour's cosine is at least this quantile of the term's cosines to the collection's words:
whatever stands in two documents with a rare term is a neighbour there, most of it by chance."""
_SAMPLED = 2000
"""Words of the collection that stand for all of them, evenly along the alphabet."""

Vectors = Callable[[Sequence[str]], np.ndarray]


class Related(NamedTuple):
    """A related word, and where it is from."""

    word: str
    source: str


def related_words(
    terms: Mapping[str, Term],
    queries: Mapping[str, str],
    documents: str | Path,
    word_counts: str | Path,
    vectors_of: Vectors,
    language: str = "english",
    read: Callable[[str], str] = str,
) -> dict[str, Related]:
    """query_id -> the word most related to its term, of the queries for which one is found.

    ``terms`` and ``queries`` (texts) by query_id; ``vectors_of`` gives words' vectors, shape
    (n_words, width; NaN where there is none). Candidates are words that co-occur with the term and
    are near it in the embeddings; forms of the term and of the query's other words
    (``is_other_word``) and stop words are left out after the ranking. ``read`` gives what the
    ranker reads for a word.
    """
    near = cooccurrences(documents, word_counts, {term.word for term in terms.values()})
    ranked = dict(_fused(near, _sample(word_counts), vectors_of))
    return first_related(
        terms, queries, lambda term: ranked.get(term, []), FROM_RANKER, language, read
    )


def first_related(
    terms: Mapping[str, Term],
    queries: Mapping[str, str],
    candidates: Callable[[str], Iterable[str]],
    source: str,
    language: str,
    read: Callable[[str], str] = str,
) -> dict[str, Related]:
    """query_id -> the first of the ``candidates`` of its term that ``is_other_word`` lets pass.

    As it is written, and as the ranker ``read``s it: to an uncased BERT "café" is the term "cafe".
    """
    stem, stops = stemmer(language), set(stop_words(language))
    found = {}
    for query_id, term in terms.items():
        asked = split_words(pl.Series([queries[query_id]]))[0].to_list()
        others = {*asked, *map(read, asked), term.word, term.read}
        for word in candidates(term.word):
            same = product({word, read(word)}, others)
            if word not in stops and all(is_other_word(*pair, stem) for pair in same):
                found[query_id] = Related(word, source)
                break
    return found


def is_other_word(word: str, other: str, stem: Callable[[str], str]) -> bool:
    """Whether ``word`` is no form of ``other``: not of its stem, nor spelt like it.

    Spelt alike are words with the same four letters at the beginning (of a word of three, all), or
    with the same five anywhere.
    """
    n_letters = min(_SHARED_START, len(word), len(other))
    starts_alike = n_letters >= _SHORTEST_START and word[:n_letters] == other[:n_letters]
    if stem(word) == stem(other) or starts_alike:
        return False
    last = len(word) - _SHARED_WITHIN
    return not any(word[at : at + _SHARED_WITHIN] in other for at in range(last + 1))


def _sample(word_counts: str | Path) -> list[str]:
    letters = pl.col("word").str.contains(r"^[\p{L}\p{M}]+$")
    words = pl.scan_parquet(word_counts).filter(letters, pl.col("n_documents") >= 3)
    words = words.select("word").collect(engine="streaming")["word"].sort()
    return words.gather_every(max(1, len(words) // _SAMPLED)).to_list()


def _fused(
    near: pl.DataFrame, sample: Sequence[str], vectors_of: Vectors
) -> Iterator[tuple[str, list[str]]]:
    """Each term and its words, best first: by the sum of 1 / (60 + rank) in the two orders."""
    words = sorted({*near["term"], *near["word"], *sample})
    rows = {word: row for row, word in enumerate(words)}
    vectors = _unit(np.nan_to_num(np.asarray(vectors_of(words), dtype=np.float64)))
    for (term,), own in near.group_by("term", maintain_order=True):
        # Rounded: last digits of a product differ between machines, and equals stay in their order.
        cosines = np.round(vectors @ vectors[rows[term]], 6)
        nearest = np.quantile(cosines[[rows[word] for word in sample if word != term]], _NEAR)
        cosines = cosines[[rows[word] for word in own["word"]]]
        score = 1 / (_DAMPING + _ranks(-cosines)) + 1 / (_DAMPING + np.arange(1, len(own) + 1))
        best = [place for place in np.argsort(-score, kind="stable") if cosines[place] >= nearest]
        yield term, own["word"].gather(best).to_list()


def _ranks(values: np.ndarray) -> np.ndarray:
    """From 1, the lowest value first, equals in their order."""
    ranks = np.empty(len(values), dtype=int)
    ranks[np.argsort(values, kind="stable")] = np.arange(1, len(values) + 1)
    return ranks


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths == 0, 1, lengths)
