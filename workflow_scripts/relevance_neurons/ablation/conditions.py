"""Under which conditions candidates are re-ranked: each scheme's ablation, and those beside it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.ablation.ablate import with_value
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.rankers.neurons import Neurons
from relevance_neurons.selection.ablation_kinds import (
    BOTTOM,
    KEEP_ONLY,
    MATCHED,
    PLAIN,
    RANDOM,
    UNPRUNED,
    VALUES,
    named,
    parted,
)
from relevance_neurons.selection.random_draws import (
    TooFewLeft,
    draw_heads_like,
    draw_like,
    draw_matched,
    in_order,
    match_quality,
)

logger = logging.getLogger(__name__)


class Condition(NamedTuple):
    """An ablation by its name in the tables; ``neurons`` is None for the whole ranker."""

    scheme: str
    top_percent: float
    draw: int
    neurons: pl.DataFrame | None

    def rows(self, pairs: pl.DataFrame, scores: Sequence[float]) -> pl.DataFrame:
        """Rows of the rankings: ``pairs`` (query_id, doc_id) and their ``scores``, (n_pairs,)."""
        return pairs.select(
            pl.lit(self.scheme).alias("scheme"),
            pl.lit(self.top_percent, dtype=pl.Float64).alias("top_percent"),
            pl.lit(self.draw, dtype=pl.Int32).alias("draw"),
            "query_id",
            "doc_id",
            pl.Series("score", scores, dtype=pl.Float32),
        )


UNABLATED = Condition(UNPRUNED, 0.0, 0, None)


@dataclass(frozen=True)
class Settings:
    """What is done with every scheme: ``kinds`` of ablation_kinds, the controls drawn so often.

    The other fields are the keys of these names under a study's ``ablation``.
    """

    value: str = "zero"
    kinds: Sequence[str] = (PLAIN, RANDOM)
    random_draws: int = 50
    seed: int = 0


def conditions(
    schemes: pl.DataFrame, neurons: Neurons, activations: pl.DataFrame, settings: Settings
) -> Iterator[Condition]:
    """Yield each scheme's ablation at each level, its controls, and further ones.

    ``schemes``: scheme, top_percent, layer, component, neuron; those of kind ``bottom``, which
    stands before their names, have no controls; ``activations``: a row per neuron of the ranker,
    as ``measure_activations`` gives. Random and matched neurons, and all but the
    scheme's in keep_only, give the same ``value`` as the scheme's own. A matched control for which
    too few neurons are left is left out, and the log says so.

    ``schemes`` may have a column ``head``, null but in schemes of heads: their random controls are
    whole heads of the same layers. Their matched ones are single neurons, as those of all schemes:
    a head has no size of its own.
    """
    sizes = in_order(activations, "root_mean_square", neurons)
    means = in_order(activations, "mean", neurons)
    groups = schemes.sort("scheme", "top_percent").group_by(
        "scheme", "top_percent", maintain_order=True
    )
    for (scheme, level), group in groups:
        selected = group.select(NEURON_COLUMNS)
        heads = _of_heads(group)
        sets = (
            [(PLAIN, 0, selected)]
            if parted(scheme)[0] == BOTTOM
            else [
                *_random(selected, heads, neurons, settings),
                *_further(selected, neurons, settings),
                *_matched(f"{scheme} at {level:g} %", selected, neurons, sizes, settings),
            ]
        )
        for kind, draw, chosen in sets:
            value = kind if kind in VALUES else settings.value
            ablation = None if chosen.is_empty() else _giving(value, chosen, neurons, means)
            yield Condition(named(kind, scheme), level, draw, ablation)


Set = tuple[str, int, pl.DataFrame]
"""The kind of an ablation, its draw, and the neurons that are switched off."""


def _of_heads(group: pl.DataFrame) -> pl.DataFrame | None:
    """The neurons of a scheme of heads with their ``head``; None of another scheme."""
    if "head" not in group.columns or group["head"].is_null().all():
        return None
    return group.select(*NEURON_COLUMNS, "head")


def _random(
    selected: pl.DataFrame, heads: pl.DataFrame | None, neurons: Neurons, settings: Settings
) -> Iterator[Set]:
    """The scheme itself, and as many random neurons, or whole heads, in the same places."""
    if PLAIN in settings.kinds:
        yield PLAIN, 0, selected
    for draw in range(settings.random_draws if RANDOM in settings.kinds else 0):
        if heads is None:
            yield RANDOM, draw, draw_like(selected, neurons, draw, settings.seed)
        else:
            yield RANDOM, draw, draw_heads_like(heads, neurons, draw, settings.seed)


def _further(selected: pl.DataFrame, neurons: Neurons, settings: Settings) -> Iterator[Set]:
    """The other value, and the scheme's neurons alone at work."""
    for kind in settings.kinds:
        if kind in VALUES:
            yield kind, 0, selected
        elif kind == KEEP_ONLY:
            yield kind, 0, neurons.frame().join(selected, on=NEURON_COLUMNS, how="anti")


def _matched(
    name: str,
    selected: pl.DataFrame,
    neurons: Neurons,
    sizes: np.ndarray,
    settings: Settings,
) -> list[Set]:
    """Random neurons of like activation size, where they are asked for and there are enough."""
    if MATCHED not in settings.kinds:
        return []
    draws = range(settings.random_draws)
    try:
        drawn = [draw_matched(selected, neurons, sizes, n, settings.seed) for n in draws]
    except TooFewLeft as error:
        # Way out: nothing need be done; tables and figures lack this control. Lower levels leave
        # more neurons to draw from.
        logger.warning("%s: no matched control (%s)", name, error)
        return []
    quality = [match_quality(selected, one, neurons, sizes) for one in drawn]
    if quality:
        logger.info(
            "%s: its neurons' activations are %.2f times as large as those of its matched draws",
            name,
            np.mean(quality),
        )
    return [(MATCHED, draw, one) for draw, one in zip(draws, drawn, strict=True)]


def _giving(value: str, chosen: pl.DataFrame, neurons: Neurons, means: np.ndarray) -> pl.DataFrame:
    """The neurons with what they give; without a column where that is 0, which takes memory."""
    if value == "zero":
        return chosen
    return with_value(chosen.with_columns(mean=means[neurons.numbers(chosen)]), value).drop("mean")
