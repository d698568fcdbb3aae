"""The term of a query that its diagnostic pairs are about: one rare word (METHOD, section 4)."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.collections.texts import rows_of
from relevance_neurons.collections.words import stop_words
from relevance_neurons.mechanism.token_lengths import FILLERS, PRONOUN
from relevance_neurons.mechanism.words import Word, words_in

_HAS_LETTER = re.compile(r"[^\W\d_]")


class Term(NamedTuple):
    """A query's term.

    ``word``: its normal form, as the collection's words are counted; ``read``: that of what the
    ranker reads; ``surface``: as it stands in the query, which is what is put into passages.
    ``idf`` and ``n_documents`` are the collection's.
    """

    word: str
    read: str
    surface: str
    idf: float
    n_documents: int


def choose_terms(
    queries: pl.DataFrame,
    word_counts: str | Path,
    tokenizer,
    language: str = "english",
    seed: int = 0,
) -> dict[str, Term]:
    """query_id -> its term, of the queries that have one.

    ``queries``: query_id, text; ``word_counts``: the file that rule count_words wrote. The term is
    the query's word of the highest IDF among those that some document has and the ranker knows
    (none of its pieces is the unknown token), and that are neither stop words (of English alone is
    there a list), single ASCII letters nor without a letter. Which of several of the same IDF is
    drawn by ``seed`` and the query's id, whatever other queries there are.
    """
    texts = dict(queries.select("query_id", "text").iter_rows())
    words = {query_id: words_in(text, tokenizer) for query_id, text in texts.items()}
    written = pl.Series([word.written for own in words.values() for word in own], dtype=pl.String)
    counts = rows_of(word_counts, "word", written).select("word", "idf", "n_documents")
    known = {word: rest for word, *rest in counts.iter_rows()}
    # What pads and what stands for the term is in the baseline too.
    for word in (*stop_words(language), *FILLERS, PRONOUN):
        known.pop(word, None)
    chosen = {
        query_id: _rarest(texts[query_id], own, known, [seed, zlib.crc32(query_id.encode())])
        for query_id, own in words.items()
    }
    return {query_id: term for query_id, term in chosen.items() if term is not None}


def _rarest(text: str, words: list[Word], known: dict[str, list], key: list[int]) -> Term | None:
    candidates = {
        word.written: word
        for word in reversed(words)  # of a word that is there twice the first one stays
        if word.is_known and word.written in known and _may_be_term(word.written)
    }
    if not candidates:
        return None
    highest = max(known[written][0] for written in candidates)
    tied = sorted(written for written in candidates if known[written][0] == highest)
    word = candidates[tied[np.random.default_rng(key).integers(len(tied))]]
    idf, n_documents = known[word.written]
    return Term(word.written, word.read, text[word.start : word.end], idf, n_documents)


def _may_be_term(word: str) -> bool:
    return bool(_HAS_LETTER.search(word)) and not (len(word) == 1 and word.isascii())
