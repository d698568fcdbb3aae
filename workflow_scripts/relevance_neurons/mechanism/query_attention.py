"""Soft term frequency: how much attention a query token pays to the passage, head by head.

Of the paper (METHOD, section 4) it is the attention to everything from the passage's first token to
the end, the last separator too (total); here also to words equal to its own (exact) and to words
that mean nearly the same (soft).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import torch

from relevance_neurons.mechanism.pair_tokens import PairTokens

KINDS = ("total", "exact", "soft")
"""In the order of the masks."""
_LIST = pl.List(pl.Float32)
SCHEMA = pl.Schema(
    {
        "ranker": pl.String,
        "query_id": pl.String,
        "doc_id": pl.String,
        "place": pl.Int32,
        "token": pl.String,
        "word": pl.String,
        "idf": pl.Float64,
        "tf": pl.Int32,
        "passage_words": pl.Int32,
        **dict.fromkeys(KINDS, _LIST),
    }
)


def n_query_places(pairs: Sequence[PairTokens]) -> int:
    """How many of a batch's first places hold all tokens of the queries; at least 1."""
    return max([1, *(pair.query[-1] + 1 for pair in pairs if pair.query)])


def kind_masks(
    pairs: Sequence[PairTokens], soft: Mapping[str, frozenset[str]], n_tokens: int
) -> torch.Tensor:
    """1 where attention from a query token to a token counts as a kind, else 0.

    ``soft``: each query word -> the words that match it softly. Shape (n_pairs, n_places, n_kinds,
    n_tokens), the places those of ``n_query_places``; all 0 for what is no query token, and beyond
    a pair's own tokens.
    """
    masks = np.zeros((len(pairs), n_query_places(pairs), len(KINDS), n_tokens), dtype=np.float32)
    for number, pair in enumerate(pairs):
        places = np.array(pair.passage, dtype=np.int64)
        words = np.array([pair.words[place] for place in pair.passage], dtype=object)
        for place in pair.query:
            word = pair.words[place]
            near = [one in soft.get(word, ()) for one in words]
            masks[number, place, 0, pair.start : pair.n_tokens] = 1.0
            masks[number, place, 1, places[words == word]] = 1.0
            masks[number, place, 2, places[np.array(near, dtype=bool)]] = 1.0
    return torch.from_numpy(masks)


def kind_sums(patterns: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Attention of each kind, shape (n_pairs, n_places, n_kinds, n_heads).

    ``patterns``: a layer's attention probabilities from the query's places, shape (n_pairs,
    n_heads, n_places, n_tokens); ``masks`` as of ``kind_masks``.
    """
    return torch.einsum("rhij,rikj->rikh", patterns, masks.to(patterns))


def query_rows(pair: PairTokens, tokens: Sequence[str], sums: np.ndarray) -> pl.DataFrame:
    """A row per query token of a pair: place, token, word, tf, passage_words, total, exact, soft.

    ``tokens``: the texts of all tokens of the pair. ``sums``: shape (n_places, n_kinds, n_layers ·
    n_heads), layer by layer; lists of so many numbers come of it. ``place`` counts the query's
    tokens alone, from 0.
    """
    own = sums[list(pair.query)].astype(np.float32)
    lists = {
        kind: pl.Series(own[:, number], dtype=pl.Array(pl.Float32, own.shape[2])).cast(_LIST)
        for number, kind in enumerate(KINDS)
    }
    words = [pair.words[place] for place in pair.query]
    return pl.DataFrame(
        {
            "place": np.arange(len(words), dtype=np.int32),
            "token": [tokens[place] for place in pair.query],
            "word": words,
            "tf": pl.Series([pair.tf[word] for word in words], dtype=pl.Int32),
            "passage_words": np.full(len(words), pair.n_passage_words, dtype=np.int32),
            **lists,
        }
    )
