"""The one layer of everything that is asked at one layer, where no ranker is at hand."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from relevance_neurons.tokens.methods import two_thirds


def asked_layer(layer: int | None, token_statistics: Sequence[str]) -> int | None:
    """The study's ``layer``; by default that at two thirds, of the layers in ``token_statistics``.

    None where there is neither: no method of the study has layers.
    """
    if layer is not None or not token_statistics:
        return layer
    return two_thirds(ranker_layers(token_statistics))


def ranker_layers(token_statistics: Sequence[str]) -> int | None:
    """The ranker's number of layers: ``token_statistics`` has all of them; None without files."""
    if not token_statistics:
        return None
    return 1 + pl.scan_parquet(token_statistics).select(pl.col("layer").max()).collect().item()
