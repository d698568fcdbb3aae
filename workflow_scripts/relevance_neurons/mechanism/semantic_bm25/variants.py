"""The regressions: what each predicts of the ranker's logits where it was not fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from relevance_neurons.mechanism.semantic_bm25.bm25 import held_out_bm25
from relevance_neurons.mechanism.semantic_bm25.features import (
    Pairs,
    Tokens,
    read_pairs,
    read_tokens,
    read_words,
    soft_tf_idf,
    token_features,
)
from relevance_neurons.mechanism.semantic_bm25.regression import (
    folds_by_query,
    held_out,
    held_out_legacy,
)

Features = Callable[[Tokens, Sequence[int], int], np.ndarray]


@dataclass(frozen=True)
class Variant:
    """A regression of all pairs of a collection.

    ``predicted``: shape (n_draws, n_pairs), NaN for pairs that are not held out; None where
    nothing can be fitted. Draws are random sets of heads, or re-initialised rankers.
    """

    name: str
    split: str | None
    n_heads: int | None
    n_features: int | None
    predicted: np.ndarray | None
    k1: float | None = None
    b: float | None = None


@dataclass(frozen=True)
class Regressions:
    """All regressions of a collection's tables.

    ``attention``, ``rankings``, ``words``: the collection's query_attention, mechanism_rankings and
    word_counts; ``heads``: a row for each of the ranker's. ``random_draws``: sets of random heads.
    """

    attention: pl.DataFrame
    rankings: pl.DataFrame
    words: pl.DataFrame
    heads: pl.DataFrame
    folds: int
    random_draws: int
    seed: int

    @cached_property
    def pairs(self) -> Pairs:
        """What is regressed."""
        return read_pairs(self.rankings, self.attention)

    @cached_property
    def matching(self) -> list[int]:
        """Numbers of the matching heads, layer by layer."""
        return np.flatnonzero(self.heads.sort("layer", "head")["is_matching"]).tolist()

    @cached_property
    def study(self) -> Tokens:
        """The query tokens as the study's ranker sees them."""
        return read_tokens(self.attention, self.pairs, "study", len(self.heads))

    @cached_property
    def reinitialised(self) -> list[Tokens]:
        """As each of the re-initialised rankers sees them."""
        names = sorted(set(self.attention["ranker"]) - {"study"})
        return [read_tokens(self.attention, self.pairs, name, len(self.heads)) for name in names]

    def random_heads(self) -> list[list[int]]:
        """Sets of as many heads that do not match (of all, where fewer are left).

        They depend on the seed, the draw and the matching heads alone: the same in all collections.
        """
        others = np.setdiff1d(np.arange(len(self.heads)), self.matching)
        size = min(len(self.matching), len(others))
        draws = [np.random.default_rng([self.seed, draw]) for draw in range(self.random_draws)]
        return [np.sort(rng.choice(others, size, replace=False)).tolist() for rng in draws]

    def variants(self, form: str) -> Iterator[Variant]:
        """Yield each of the seven in a form, "pointwise" or "pairwise" (see table.py)."""
        yield self._legacy(form)
        own = [(self.study, self.matching)]
        yield self._of_heads("features", token_features, own, form)
        yield self._of_heads("soft_tf_idf", soft_tf_idf, own, form)
        drawn = [(self.study, heads) for heads in self.random_heads()]
        yield self._of_heads("random_heads", token_features, drawn, form)
        others = [(tokens, self.matching) for tokens in self.reinitialised]
        yield self._of_heads("reinitialised", token_features, others, form)
        yield self._bm25(form)
        yield Variant("cross_encoder", None, None, None, self.pairs.logits[None])

    def _legacy(self, form: str) -> Variant:
        """Null below two queries, as all others, and without matching heads."""
        n_heads = len(self.matching)
        if not n_heads or self.pairs.n_queries < 2:
            return Variant("legacy", "pairs", n_heads, None, None)
        features = token_features(self.study, self.matching, len(self.pairs.logits))
        predicted = held_out_legacy(features, self.pairs, form, self.seed)
        return Variant("legacy", "pairs", n_heads, features.shape[1], predicted[None])

    def _of_heads(
        self,
        name: str,
        features: Features,
        draws: Sequence[tuple[Tokens, Sequence[int]]],
        form: str,
    ) -> Variant:
        """Of features of (a ranker's query tokens, heads), one a draw."""
        n_heads = len(draws[0][1]) if draws else len(self.matching)
        folds = folds_by_query(self.pairs, self.folds)
        if not draws or not n_heads or folds is None:
            return Variant(name, "queries", n_heads, None, None)
        made = [features(tokens, heads, len(self.pairs.logits)) for tokens, heads in draws]
        predicted = np.array([held_out(one, self.pairs, folds, form) for one in made])
        return Variant(name, "queries", n_heads, made[0].shape[1], predicted)

    def _bm25(self, form: str) -> Variant:
        folds = folds_by_query(self.pairs, self.folds)
        if folds is None:
            return Variant("bm25", "queries", None, 1, None)
        words = read_words(self.attention, self.pairs, float(self.words["mean_words"][0]))
        found = held_out_bm25(words, self.pairs, folds, form)
        return Variant("bm25", "queries", None, 1, found.predicted[None], found.k1, found.b)
