"""Diagnostic pairs of a collection: passages before and after a perturbation, as one table."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.collection_pairs import CollectionPairs
from relevance_neurons.mechanism.own_pairs import read_own_pairs
from relevance_neurons.mechanism.pair_table import Rows, pair_frame, version_rows
from relevance_neurons.mechanism.perturbations import OWN, PERTURBATIONS, Version
from relevance_neurons.mechanism.related_words import Vectors
from relevance_neurons.mechanism.token_lengths import TokenLengths
from relevance_neurons.rankers.reranker import Reranker

logger = logging.getLogger(__name__)


def make_diagnostic_pairs(
    reranker: Reranker,
    collection_name: str,
    *,
    documents: str | Path,
    queries: str | Path,
    qrels: str | Path,
    word_counts: str | Path,
    settings: Mapping[str, object],
    language: str = "english",
    seed: int = 0,
    vectors_of: Vectors | None = None,
) -> pl.DataFrame:
    """The diagnostic pairs of a collection, before and after of as many tokens (METHOD, section 4).

    ``documents``, ``queries``, ``qrels``, ``word_counts``: the collection's files. ``settings``: of
    a study's section `mechanism` ``pairs`` (of each perturbation), ``perturbations``, ``own_pairs``
    (a file), ``wordnet`` (a folder). ``vectors_of`` gives words' vectors for related words; by
    default those of the ranker's own embeddings. Columns: ``pair_table.SCHEMA``; a row is a level
    of a pair.

    Passages are judged ones, for TFC2 and LNC2 relevant ones; a perturbation of which fewer are
    usable than asked for is warned of. Raises ``UserError`` where the collection has no usable
    pair, for an unknown perturbation, and for one's own pairs or a folder of WordNet that cannot be
    read.
    """
    collection = CollectionPairs(
        reranker, documents, queries, qrels, word_counts, settings, language, seed, vectors_of
    )
    own_file = settings.get("own_pairs")
    own = _own_pairs(str(own_file), collection.lengths) if own_file else []
    pairs: list[Rows] = []
    found = {}
    for name in _perturbations(settings):
        rows, reasons = collection.pairs(name)
        found[name] = _Found(len(rows), collection.n_asked, reasons)
        pairs += rows
    if not pairs and not own:
        raise _none_usable(collection_name, found, collection)
    for name, one in found.items():
        if one.n_pairs < one.n_asked:
            # Way out: nothing need be done where fewer pairs are enough; else take a collection
            # with more judged passages, or longer ones, or leave this perturbation out.
            logger.warning(
                "%s: fewer usable diagnostic pairs than mechanism.pairs asks for: %s",
                collection_name,
                one.said(name),
            )
    return pair_frame(collection_name, [*pairs, *own])


@dataclass(frozen=True)
class _Found:
    """How many pairs of a perturbation were found and asked for, and why others are not usable."""

    n_pairs: int
    n_asked: int
    reasons: Counter[str]

    def said(self, name: str) -> str:
        whys = ", ".join(f"{n}: {why}" for why, n in self.reasons.most_common())
        not_usable = f", {self.reasons.total()} not usable ({whys})" if whys else ""
        tried = self.n_pairs + self.reasons.total()
        return f"{self.n_pairs} of {self.n_asked} {name} pairs ({tried} passages tried{not_usable})"


def _perturbations(settings: Mapping[str, object]) -> list[str]:
    names = list(settings.get("perturbations", PERTURBATIONS))
    for name in names:
        if name not in PERTURBATIONS:
            raise UserError(
                f"mechanism.perturbations: {name!r} was found; allowed: {', '.join(PERTURBATIONS)}"
            )
    return names


def _none_usable(name: str, found: Mapping[str, _Found], collection: CollectionPairs) -> UserError:
    said = ", ".join(one.said(perturbation) for perturbation, one in found.items())
    return UserError(
        f"collection {name}: no usable diagnostic pair: {said}; {len(collection.terms)} of "
        f"{len(collection.queries)} queries have a term (a word that some document has and no stop "
        "word); leave the collection out of mechanism.collections, or give pairs of your own "
        "(mechanism.own_pairs)"
    )


def _own_pairs(file: str, lengths: TokenLengths) -> list[Rows]:
    pairs = []
    for one in read_own_pairs(file, lengths):
        n_changed = lengths.max_length  # whatever the user changes
        version = Version(1, one.before, one.after, n_changed)
        rows = version_rows(one.query, [version], one.read, lengths)
        pairs.append([row | {"term": one.term, "perturbation": OWN} for row in rows])
    return pairs
