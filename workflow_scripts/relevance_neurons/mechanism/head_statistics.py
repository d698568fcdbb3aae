"""What each head does over the pairs of a collection: match_attention and its null, and [CLS]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch

from relevance_neurons.mechanism.matching import Contrasts, match_sums
from relevance_neurons.mechanism.pair_tokens import PairTokens
from relevance_neurons.statistics.rounding import ROUNDING

CLS = 0
"""Its place in every encoder that is described."""
SCHEMA = pl.Schema(
    {
        "collection": pl.String,
        "ranker": pl.String,
        "layer": pl.Int32,
        "head": pl.Int32,
        "match_attention": pl.Float64,
        "n_words": pl.Int32,
        "n_without_contrast": pl.Int32,
        "null_shuffles": pl.Float64,
        "p_shuffles": pl.Float64,
        "cls_query_attention": pl.Float64,
        "cls_query_share": pl.Float64,
        "n_pairs": pl.Int32,
    }
)


class HeadSums:
    """Sums over pairs, in float64: of ``n_layers`` layers with ``n_heads`` heads each.

    ``n_shuffles`` may be 0, as for random rankers, which are a null themselves.
    """

    def __init__(self, n_layers: int, n_heads: int, n_shuffles: int) -> None:
        self.match = np.zeros((n_layers, n_heads))
        self.shuffled = np.zeros((n_shuffles, n_layers, n_heads))
        self.cls = np.zeros((n_layers, n_heads))
        self.uniform = 0.0
        self.n_words = self.n_without_contrast = self.n_pairs = 0

    def add_layer(
        self, layer: int, patterns: torch.Tensor, found: Contrasts, pairs: Sequence[PairTokens]
    ) -> None:
        """Add a layer's ``patterns`` (as in ``kind_sums``) of a batch."""
        observed, shuffled = match_sums(patterns, found)
        self.match[layer] += observed.double().cpu().numpy()
        self.shuffled[:, layer] += shuffled.double().cpu().numpy()
        weights = torch.zeros(patterns.shape[0], patterns.shape[-1])
        for number, pair in enumerate(pairs):
            weights[number, list(pair.query)] = 1.0
        to_query = torch.einsum("rhj,rj->h", patterns[:, :, CLS], weights.to(patterns))
        self.cls[layer] += to_query.double().cpu().numpy()

    def count(self, found: Contrasts, pairs: Sequence[PairTokens]) -> None:
        """Count a batch, once for all its layers."""
        self.n_words += len(found)
        self.n_without_contrast += found.n_without
        self.n_pairs += len(pairs)
        self.uniform += sum(len(pair.query) / pair.n_tokens for pair in pairs)

    def add(self, other: HeadSums) -> None:
        """Add the sums of other pairs."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def frame(self, collection: str, ranker: str, significance: float) -> pl.DataFrame:
        """A row per head, as the table head_attention has it.

        null_shuffles is the (1 - ``significance``) quantile over shuffles of the largest
        match_attention of any head, p_shuffles the share of shuffles (the observed one counted as
        one more) whose largest is at least the head's: both hold for all heads at once. Null where
        there are no shuffles or no words; what is a mean over nothing is null too.
        """
        n_layers, n_heads = self.match.shape
        null, p_values = self._against_shuffles(significance)
        layers, heads = np.indices((n_layers, n_heads), dtype=np.int32)
        columns = {
            "collection": collection,
            "ranker": ranker,
            "layer": layers.ravel(),
            "head": heads.ravel(),
            "match_attention": _ratio(self.match, self.n_words),
            "n_words": self.n_words,
            "n_without_contrast": self.n_without_contrast,
            "null_shuffles": null,
            "p_shuffles": p_values,
            "cls_query_attention": _ratio(self.cls, self.n_pairs),
            "cls_query_share": _ratio(self.cls, self.uniform),
            "n_pairs": self.n_pairs,
        }
        return pl.DataFrame(columns, schema=SCHEMA)

    def _against_shuffles(self, significance: float) -> tuple[float | None, np.ndarray | None]:
        if not len(self.shuffled) or not self.n_words:
            return None, None
        largest = self.shuffled.max(axis=(1, 2)) / self.n_words
        observed = (self.match / self.n_words).ravel()
        as_large = (largest[None] >= observed[:, None] - ROUNDING).sum(axis=1)
        return float(np.quantile(largest, 1 - significance)), (1 + as_large) / (1 + len(largest))


def _ratio(sums: np.ndarray, number: float) -> np.ndarray | None:
    return (sums / number).ravel() if number else None
