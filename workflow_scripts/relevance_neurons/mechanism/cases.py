"""The passages that are perturbed, in the order of trying, and sentences of other queries'."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from relevance_neurons.collections.texts import rows_of
from relevance_neurons.mechanism.perturbations import (
    MAX_OFF_TOPIC,
    MAX_SENTENCES,
    Case,
    passage_sentences,
)
from relevance_neurons.mechanism.terms import Term

_FIRST_CHUNK = 64
"""Passages whose texts are read at first; each further reading takes twice as many."""
_POOL = 400
"""Passages whose sentences stand ready as those of other queries."""
_SENTENCE_WORDS = (4, 40)
"""The shortest and the longest of them, in words between blanks."""


def spread_pairs(qrels: pl.DataFrame, seed: int) -> pl.DataFrame:
    """query_id, doc_id of the judged pairs in the order in which they are to be tried.

    First one random pair of every query, then a second one of those that have two, and so on; the
    queries in random order each time. A query's grades take turns, so that none is missing for
    being rare. The same ``seed`` gives the same order whatever the order of ``qrels``.
    """
    rng = np.random.default_rng(seed)
    pairs = qrels.select("query_id", "doc_id", "grade").sort("query_id", "doc_id")
    within, among, across = (
        pl.Series(name, rng.permutation(len(pairs))) for name in ("within", "among", "across")
    )
    return (
        pairs.with_columns(within, among, across)
        .with_columns(of_grade=pl.col("within").rank("ordinal").over("query_id", "grade"))
        .with_columns(turn=pl.struct("of_grade", "among").rank("ordinal").over("query_id"))
        .sort("turn", "across")
        .select("query_id", "doc_id")
    )


def read_cases(
    pairs: pl.DataFrame,
    queries: Mapping[str, str],
    terms: Mapping[str, Term],
    documents: str | Path,
) -> Iterator[Case]:
    """The cases of ``pairs`` (of ``spread_pairs``) in their order, texts read as they are needed.

    Pairs of queries without a term are left out.
    """
    pairs = pairs.filter(pl.col("query_id").is_in(list(terms)))
    start, n_rows = 0, _FIRST_CHUNK
    while start < len(pairs):
        chunk = pairs[start : start + n_rows]
        texts = dict(rows_of(documents, "doc_id", chunk["doc_id"]).iter_rows())
        for query_id, doc_id in chunk.iter_rows():
            yield Case(query_id, doc_id, queries[query_id], texts[doc_id], terms[query_id])
        start, n_rows = start + n_rows, 2 * n_rows


def most_sentences_first(cases: Iterable[Case], language: str) -> list[Case]:
    """``cases`` of each query by the number of their sentences (five count as many as more).

    First the first one of every query, then its second one, as in ``spread_pairs``.
    """
    by_query: dict[str, list[tuple[int, int, Case]]] = {}
    for place, case in enumerate(cases):
        n = min(MAX_SENTENCES, len(passage_sentences(case.passage, language)))
        by_query.setdefault(case.query_id, []).append((-n, place, case))
    turns = [
        (turn, *one)
        for own in by_query.values()
        for turn, one in enumerate(sorted(own, key=lambda one: one[:2]))
    ]
    return [case for *_, case in sorted(turns, key=lambda one: one[:3])]


class OtherSentences:
    """Sentences of relevant passages, to be put behind passages of other queries.

    ``qrels``: all judgments, with their label.
    """

    def __init__(
        self, qrels: pl.DataFrame, documents: str | Path, language: str, seed: int
    ) -> None:
        relevant = qrels.filter(pl.col("label") == "relevant")
        pairs = spread_pairs(relevant, seed).unique("doc_id", keep="first", maintain_order=True)
        pairs = pairs.head(_POOL)
        texts = dict(rows_of(documents, "doc_id", pairs["doc_id"]).iter_rows())
        self.sentences = [
            (doc_id, sentence)
            for doc_id in pairs["doc_id"]
            for sentence in passage_sentences(texts[doc_id], language)
            if _SENTENCE_WORDS[0] <= len(sentence.split()) <= _SENTENCE_WORDS[1]
        ]
        self.seed = seed
        judged = qrels.group_by("query_id").agg("doc_id")
        self.judged = {query_id: set(doc_ids) for query_id, doc_ids in judged.iter_rows()}

    def of(self, case: Case) -> list[str]:
        """Up to four sentences, each of another passage, none of them judged for the case's query.

        Which ones is drawn by the seed and the case, whatever other cases there are.
        """
        own = self.judged[case.query_id]
        key = zlib.crc32(f"{case.query_id}\t{case.doc_id}".encode())
        found: dict[str, str] = {}
        for place in np.random.default_rng([self.seed, key]).permutation(len(self.sentences)):
            doc_id, sentence = self.sentences[place]
            if doc_id not in own:
                found.setdefault(doc_id, sentence)
            if len(found) == MAX_OFF_TOPIC:
                break
        return list(found.values())
