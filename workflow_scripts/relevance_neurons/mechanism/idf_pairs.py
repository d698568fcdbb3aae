"""Pairs whose passage has the query's rarest term, and where the term's pieces stand in them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from relevance_neurons.mechanism.read_idf import idf_as_read
from relevance_neurons.mechanism.words import pair_words
from relevance_neurons.rankers.encoding import PASSAGE, QUERY, EncodedPair

if TYPE_CHECKING:
    from relevance_neurons.rankers.reranker import Reranker

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TermPair:
    """A pair, its query's rarest term, and the positions of all its pieces in both texts."""

    query_id: str
    doc_id: str
    term: str
    encoded: EncodedPair
    positions: tuple[int, ...]


def choose_term_pairs(
    reranker: Reranker,
    pairs: pl.DataFrame,
    texts: Sequence[tuple[str, str]],
    word_counts: str | Path,
    n_pairs: int,
    seed: int = 0,
) -> list[TermPair]:
    """At most ``n_pairs`` of the pairs whose passage has the rarest term of the query.

    ``pairs``: query_id, doc_id; ``texts``: (query, passage) of each of its rows; ``word_counts``:
    the file that rule count_words wrote. The rarest term is the query's word with the largest IDF
    (the first of equal ones) of those that the collection has, as the ranker sees the texts: in its
    own spelling, after they are cut.
    Drawn by ``seed``, of as many queries as there are: one of each, then a second of each, and so
    on. Sorted by query_id and doc_id; the log says how many there were.
    """
    encoded = reranker.encode(texts)
    words = [pair_words(pair, reranker.tokenizer.decode) for pair in encoded]
    asked = [_words_of(pair, own, QUERY) for pair, own in zip(encoded, words, strict=True)]
    idf = _idf_of({word for own in asked for word in own}, word_counts, reranker.tokenizer)
    found = []
    for row, (query, doc) in enumerate(pairs.select("query_id", "doc_id").iter_rows()):
        term = max((word for word in asked[row] if word in idf), key=idf.__getitem__, default=None)
        if term is not None and term in _words_of(encoded[row], words[row], PASSAGE):
            places = _positions(encoded[row], words[row], term)
            found.append(TermPair(query, doc, term, encoded[row], places))
    chosen = _spread_over_queries(found, n_pairs, seed)
    _tell(len(chosen), len(found), len(pairs), n_pairs)
    return chosen


def _words_of(pair: EncodedPair, words: Mapping[int, str], part: int) -> list[str]:
    """The words of the query or of the passage, in their order, repeated ones once."""
    fields = pair.fields.tolist()
    numbers = [
        number
        for number, field in zip(pair.words, fields, strict=True)
        if number is not None and field == part
    ]
    return list(dict.fromkeys(words[number] for number in numbers))


def _idf_of(words: set[str], word_counts: str | Path, tokenizer) -> dict[str, float]:
    found = idf_as_read(words, pl.scan_parquet(word_counts), tokenizer)
    return dict(found.filter(pl.col("n_documents") > 0).select("word", "idf").iter_rows())


def _positions(pair: EncodedPair, words: Mapping[int, str], term: str) -> tuple[int, ...]:
    numbers = {number for number, word in words.items() if word == term}
    return tuple(place for place, number in enumerate(pair.words) if number in numbers)


def _spread_over_queries(found: Sequence[TermPair], n_pairs: int, seed: int) -> list[TermPair]:
    ordered = sorted(found, key=_ids)
    turns: Counter[str] = Counter()
    in_turn = []
    for place in np.random.default_rng(seed).permutation(len(ordered)):
        query = ordered[place].query_id
        in_turn.append((turns[query], len(in_turn), ordered[place]))
        turns[query] += 1
    return sorted((pair for _, _, pair in sorted(in_turn)[:n_pairs]), key=_ids)


def _ids(pair: TermPair) -> tuple[str, str]:
    return pair.query_id, pair.doc_id


def _tell(n_chosen: int, n_found: int, n_all: int, n_asked: int) -> None:
    if n_found < n_asked:
        # Way out: nothing need be done, but intervals are wider; more of mechanism.rankings
        # (queries, depth) gives more pairs.
        logger.warning(
            "IDF: %d of %d ranked passages have the rarest term of their query, asked for were %d",
            *(n_found, n_all, n_asked),
        )
    else:
        logger.info(
            "IDF: %d pairs taken of %d ranked passages that have the rarest term of their query",
            *(n_chosen, n_found),
        )
