"""What the logits are regressed on: soft term frequencies of heads, and BM25's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

N_TOKENS = 5
"""Tokens of a query, from its start, that have features of their own (METHOD, section 4)."""

_PAIR = ["query_id", "doc_id"]


class Pairs(NamedTuple):
    """The pairs whose logits are regressed, sorted by query and passage: arrays (n_pairs,)."""

    ids: pl.DataFrame
    """query_id, doc_id and pair, the row's number."""
    queries: np.ndarray
    """The number of each pair's query, from 0."""
    logits: np.ndarray

    @property
    def n_queries(self) -> int:
        """How many queries have a pair."""
        return int(self.queries.max()) + 1 if len(self.queries) else 0


class Tokens(NamedTuple):
    """The query tokens of all pairs as a ranker sees them: arrays (n_tokens,)."""

    pair: np.ndarray
    place: np.ndarray
    idf: np.ndarray
    """0 for punctuation, and for what the ranker does not know."""
    total: np.ndarray
    """The soft term frequency of each head, shape (n_tokens, n_heads of the ranker)."""


class Words(NamedTuple):
    """The distinct query words of all pairs that are in the passage: arrays (n_words,)."""

    pair: np.ndarray
    idf: np.ndarray
    tf: np.ndarray
    length: np.ndarray
    """The passage's words over the mean number of words of the collection's documents."""


def read_pairs(rankings: pl.DataFrame, attention: pl.DataFrame) -> Pairs:
    """The pairs of mechanism_rankings that have query tokens in query_attention.

    Raises ``ValueError`` for a logit that is no number.
    """
    measured = attention.filter(ranker="study").select(_PAIR).unique()
    found = rankings.join(measured, on=_PAIR, how="semi").sort(_PAIR)
    if not found["logit"].is_finite().all():
        raise ValueError("a logit is NaN, infinite or missing: nothing can be regressed on it")
    queries = found["query_id"].rle_id().cast(pl.Int64).to_numpy()
    ids = found.select(*_PAIR).with_row_index("pair")
    return Pairs(ids, queries, found["logit"].cast(pl.Float64).to_numpy())


def read_tokens(attention: pl.DataFrame, pairs: Pairs, ranker: str, n_heads: int) -> Tokens:
    """The query tokens of ``pairs`` in ``ranker`` ("study", "random:0", …), in their order.

    Raises ``ValueError`` where a pair has none, or a token has attention of other than ``n_heads``
    heads: sums would be wrong in silence.
    """
    rows = (
        attention.filter(ranker=ranker)
        .join(pairs.ids, on=_PAIR, how="inner")
        .sort("pair", "place")
        .select("pair", "place", pl.col("idf").fill_null(0.0), "total")
    )
    if rows["pair"].n_unique() != len(pairs.logits):
        raise ValueError(f"query_attention: {ranker} has not the pairs of the study's ranker")
    if (rows["total"].list.len() != n_heads).any():
        raise ValueError(f"query_attention: not of {n_heads} heads, which heads.parquet has")
    total = rows["total"].explode().cast(pl.Float64).to_numpy().reshape(-1, n_heads)
    return Tokens(rows["pair"].to_numpy(), rows["place"].to_numpy(), rows["idf"].to_numpy(), total)


def read_words(attention: pl.DataFrame, pairs: Pairs, mean_words: float) -> Words:
    """Each distinct word of a query once, however many pieces or places it has there.

    ``mean_words``: the mean number of words of the collection's documents.
    """
    rows = (
        attention.filter((pl.col("ranker") == "study") & (pl.col("tf") > 0))
        .join(pairs.ids, on=_PAIR, how="inner")
        .unique(["pair", "word"])
        .sort("pair", "word")
        .select("pair", pl.col("idf").fill_null(0.0), "tf", "passage_words")
    )
    length = rows["passage_words"].cast(pl.Float64).to_numpy() / mean_words
    tf = rows["tf"].cast(pl.Float64).to_numpy()
    return Words(rows["pair"].to_numpy(), rows["idf"].to_numpy(), tf, length)


def token_features(tokens: Tokens, heads: Sequence[int], n_pairs: int) -> np.ndarray:
    """Of each of the first ``N_TOKENS`` query tokens: idf, and of each head TF and idf · TF.

    ``heads``: numbers of heads, layer by layer. Shape (n_pairs, N_TOKENS · (1 + 2 · n_heads)), 0
    where a query has fewer tokens. TF is the attention to the passage (METHOD, section 4).
    """
    idf, soft = tokens.idf[:, None], tokens.total[:, list(heads)]
    values = np.hstack([idf, soft, idf * soft])
    found = np.zeros((n_pairs, N_TOKENS, values.shape[1]))
    kept = tokens.place < N_TOKENS
    found[tokens.pair[kept], tokens.place[kept]] = values[kept]
    return found.reshape(n_pairs, -1)


def soft_tf_idf(tokens: Tokens, heads: Sequence[int], n_pairs: int) -> np.ndarray:
    """Σ idf · TF over all query tokens, TF the mean over ``heads``: shape (n_pairs, 1)."""
    weights = tokens.idf * tokens.total[:, list(heads)].mean(axis=1)
    return np.bincount(tokens.pair, weights, minlength=n_pairs)[:, None]
