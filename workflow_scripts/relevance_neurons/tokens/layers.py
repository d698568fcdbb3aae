"""At which layers tokens are scored, and the statistics that this takes."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.methods import LAYERED, two_thirds

logger = logging.getLogger(__name__)


def find_layers(reranker: Reranker, method: str, layer: int | Sequence[int] | None) -> list[int]:
    """The layers that are asked for, in order: all for None; none where the method has none.

    Raises ``UserError`` for a layer that the ranker lacks, and where a method without layers is
    given one.
    """
    if method not in LAYERED:
        if layer is not None:
            raise UserError(
                f"layer: {layer} was found; {method} scores the tokens at the input: take it out"
            )
        return []
    from relevance_neurons.attribution.upper_layers import UpperLayers

    n_layers = UpperLayers(reranker).n_layers
    asked = range(n_layers) if layer is None else [layer] if isinstance(layer, int) else layer
    unknown = next((one for one in asked if one not in range(n_layers)), None)
    if unknown is not None or not asked:
        raise UserError(
            f"layer: {'none' if unknown is None else unknown} was found; this ranker has the "
            f"layers 0 to {n_layers - 1}"
        )
    return sorted(set(asked))


def study_layers(reranker: Reranker, layers: str | Sequence[int], layer: int | None) -> list[int]:
    """The ``layers`` of a study, a list or "all", and its ``layer`` (default: at two thirds).

    Raises ``UserError`` for a layer that the ranker lacks.
    """
    every = find_layers(reranker, LAYERED[0], None)
    asked = {
        "tokens.layers": every if layers == "all" else layers,
        "tokens.layer": [two_thirds(len(every)) if layer is None else layer],
    }
    for key, found in asked.items():
        for one in found:
            if one not in every:
                raise UserError(
                    f"{key}: {one} was found; this ranker has the layers 0 to {every[-1]}"
                )
    return sorted({one for found in asked.values() for one in found})


def needed_statistics(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    labels: Sequence[str],
    layers: Sequence[int],
    statistics: pl.DataFrame | None,
) -> pl.DataFrame:
    """``statistics``, or those of ``pairs``. Raises ``UserError`` where they lack a layer."""
    if statistics is None:
        from relevance_neurons.tokens.statistics import measure_statistics

        logger.info("no statistics were given: measuring them over the %d pairs", len(pairs))
        return measure_statistics(reranker, pairs, labels, layers)
    missing = sorted(set(layers) - set(statistics["layer"].unique()))
    if missing:
        raise UserError(
            f"statistics: layer {', '.join(map(str, missing))} is missing; measure them with "
            "measure_statistics for every layer that is scored"
        )
    return statistics
