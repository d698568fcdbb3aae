"""What a collection gives for its diagnostic pairs: passages, terms, related words, sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path

import polars as pl

from relevance_neurons.collections.grades import with_labels
from relevance_neurons.mechanism.cases import (
    OtherSentences,
    most_sentences_first,
    read_cases,
    spread_pairs,
)
from relevance_neurons.mechanism.pair_table import Rows, version_rows
from relevance_neurons.mechanism.perturbations import (
    Case,
    Version,
    add_sentences,
    append_word,
    repeat_term,
)
from relevance_neurons.mechanism.related_words import Related, Vectors, related_words
from relevance_neurons.mechanism.terms import Term, choose_terms
from relevance_neurons.mechanism.token_lengths import TokenLengths, Unusable
from relevance_neurons.mechanism.wordnet import related_in_wordnet
from relevance_neurons.mechanism.words import reading
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress

N_PAIRS = 20
"""Pairs of each perturbation, by default."""
_TRIED = 50
"""Passages that are tried for each pair that is asked for, before fewer are taken."""
_LOOKED_AT = 10
"""Passages among which those of five sentences are found for TFC2, for each pair asked for."""


@dataclass
class CollectionPairs:
    """The pairs of a collection by perturbation; nothing is read before it is asked for.

    The fields are as the arguments of ``make_diagnostic_pairs``.
    """

    reranker: Reranker
    documents: str | Path
    queries_file: str | Path
    qrels_file: str | Path
    word_counts: str | Path
    settings: Mapping[str, object]
    language: str
    seed: int
    vectors_of: Vectors | None

    def __post_init__(self) -> None:
        self.lengths = TokenLengths(self.reranker)
        self.n_asked = int(self.settings.get("pairs", N_PAIRS))

    def pairs(self, perturbation: str) -> tuple[list[Rows], Counter[str]]:
        """The rows of each pair, as many as are asked for and found; why others are not usable."""
        make = {
            "TFC1": self._tfc1,
            "STMC1": self._stmc1,
            "TFC2": partial(self._levels, repeat_term),
            "LNC2": self._lnc2,
        }[perturbation]
        judged = self.qrels
        if perturbation in ("TFC2", "LNC2"):
            judged = judged.filter(pl.col("label") == "relevant")
        pairs = spread_pairs(judged, self.seed)
        cases = read_cases(pairs, self.queries, self.terms, self.documents)
        if perturbation == "TFC2":
            first = list(islice(cases, _LOOKED_AT * self.n_asked))
            cases = chain(most_sentences_first(first, self.language), cases)
        with Progress(self.n_asked, f"{perturbation} pairs") as progress:
            return _usable(perturbation, cases, make, self.n_asked, progress)

    @cached_property
    def queries(self) -> dict[str, str]:
        """query_id -> text, of all queries."""
        return dict(pl.read_parquet(self.queries_file).select("query_id", "text").iter_rows())

    @cached_property
    def qrels(self) -> pl.DataFrame:
        """All judgments, with label."""
        return with_labels(pl.read_parquet(self.qrels_file))

    @cached_property
    def terms(self) -> dict[str, Term]:
        """query_id -> term, of the queries that have one."""
        queries = pl.DataFrame(
            list(self.queries.items()), schema=["query_id", "text"], orient="row"
        )
        tokenizer = self.reranker.tokenizer
        return choose_terms(queries, self.word_counts, tokenizer, self.language, self.seed)

    @cached_property
    def related(self) -> dict[str, Related]:
        """query_id -> a word related to its term, where one is found."""
        read = reading(self.reranker.tokenizer)
        if self.settings.get("wordnet"):
            folder = str(self.settings["wordnet"])
            return related_in_wordnet(self.terms, self.queries, folder, self.language, read)
        return related_words(
            self.terms,
            self.queries,
            self.documents,
            self.word_counts,
            self.vectors_of or _own_vectors(self.reranker),
            self.language,
            read,
        )

    @cached_property
    def others(self) -> OtherSentences:
        """What is put behind passages of other queries."""
        return OtherSentences(self.qrels, self.documents, self.language, self.seed)

    def _tfc1(self, case: Case) -> Rows:
        word = case.term.surface
        rows = self._rows(case, append_word(case, word, self.lengths))
        return [row | {"injected": word} for row in rows]

    def _stmc1(self, case: Case) -> Rows:
        if case.query_id not in self.related:
            raise Unusable("no word is related to the query's term")
        word, source = self.related[case.query_id]
        rows = self._rows(case, append_word(case, word, self.lengths))
        return [row | {"injected": word, "source": source} for row in rows]

    def _lnc2(self, case: Case) -> Rows:
        return self._levels(partial(_with_others, self.others), case)

    def _levels(self, perturb: Callable[..., list[Version]], case: Case) -> Rows:
        return self._rows(case, perturb(case, self.lengths, self.language))

    def _rows(self, case: Case, versions: list[Version]) -> Rows:
        rows = version_rows(case.query, versions, [case.term.read], self.lengths)
        known = {"query_id": case.query_id, "doc_id": case.doc_id, "term": case.term.word}
        return [row | known for row in rows]


def _with_others(
    others: OtherSentences, case: Case, lengths: TokenLengths, language: str
) -> list[Version]:
    return add_sentences(case, others.of(case), lengths, language)


def _usable(
    perturbation: str,
    cases: Iterable[Case],
    make: Callable[[Case], Rows],
    n_asked: int,
    progress: Progress,
) -> tuple[list[Rows], Counter[str]]:
    found, reasons = [], Counter()
    for case in cases:
        if len(found) == n_asked or reasons.total() >= _TRIED * n_asked:
            break
        try:
            rows = make(case)
        except Unusable as why:
            reasons[str(why)] += 1
            continue
        found.append([row | {"perturbation": perturbation} for row in rows])
        progress.update()
    return found, reasons


def _own_vectors(reranker: Reranker) -> Vectors:
    from relevance_neurons.mechanism.embeddings import word_vectors

    return partial(word_vectors, reranker)
