"""Scores of tokens, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.html import notebook_html

_TYPES = {"int": pl.Int32, "bool": pl.Boolean, "float": pl.Float64}
_CHECKS = {one.name: _TYPES[str(one.type)] for one in fields(TokenCheck)}
CHECK_SCHEMA = {"pair": _CHECKS.pop("pair"), "layer": pl.Int32, **_CHECKS}


class Scored(NamedTuple):
    """A pair's check and scores, shape (n_tokens,), at a layer: None for a method without one."""

    layer: int | None
    check: TokenCheck
    scores: np.ndarray


class TokenAttribution:
    """What ``attribute_tokens`` gives: the scores of the tokens of pairs, and checks of them."""

    def __init__(
        self, tokens: pl.DataFrame, labels: Mapping[int, str], scored: Sequence[Scored]
    ) -> None:
        """``tokens``: as ``describe`` gives them; ``labels``: those of the pairs, by number."""
        self._tokens, self._labels = tokens, labels
        self._scored = sorted(scored, key=lambda one: (one.check.pair, one.layer or 0))

    def frame(self) -> pl.DataFrame:
        """A row per token of a pair at a layer, in their order.

        Columns: pair (its place in the list), layer (null where the method has none), label,
        position (from 0), token, word, word_number (null: special token), part (cls, query, sep1,
        passage, sep2), score (in the method's own unit), scaled (0 to 1, by the smallest and the
        largest score of the pair at the layer, those of special tokens included; 0 where all are
        the same), weight (scaled, as a share of its sum over the pair; 0 where the sum is 0).
        """
        sizes = [len(one.scores) for one in self._scored]
        columns = {
            "pair": np.repeat([one.check.pair for one in self._scored], sizes).tolist(),
            "layer": [one.layer for one in self._scored for _ in range(len(one.scores))],
            "position": [place for size in sizes for place in range(size)],
            "score": [score for one in self._scored for score in one.scores.tolist()],
        }
        types = {"pair": pl.Int32, "layer": pl.Int32, "position": pl.Int32, "score": pl.Float64}
        labels = pl.DataFrame(
            {"pair": list(self._labels), "label": list(self._labels.values())},
            schema={"pair": pl.Int32, "label": pl.String},
        )
        named = (
            pl.DataFrame(columns, schema=types)
            .join(self._tokens, on=["pair", "position"], how="left", maintain_order="left")
            .join(labels, on="pair", how="left", maintain_order="left")
        )
        return _scaled(named).select(
            *("pair", "layer", "label", "position", "token", "word", "word_number", "part"),
            *("score", "scaled", "weight"),
        )

    def checks(self) -> pl.DataFrame:
        """A row per pair and layer: pair, layer, and the other fields of ``TokenCheck``."""
        rows = [{"layer": one.layer, **asdict(one.check)} for one in self._scored]
        return pl.DataFrame(rows, schema=CHECK_SCHEMA)

    def _repr_html_(self) -> str:
        """The first pairs in colours, for a notebook."""
        return notebook_html(self.frame())


def _scaled(frame: pl.DataFrame) -> pl.DataFrame:
    own = ("pair", "layer")
    score, scaled = pl.col("score"), pl.col("scaled")
    span = (score.max() - score.min()).over(own)
    total = scaled.sum().over(own)
    return frame.with_columns(
        scaled=pl.when(span > 0).then((score - score.min().over(own)) / span).otherwise(0.0)
    ).with_columns(weight=pl.when(total > 0).then(scaled / total).otherwise(0.0))
