"""Which neurons are worth switching off one by one: both ends of a cheaper map, and a sample."""

from __future__ import annotations

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.statistics.map_agreement import n_selected


def screened_candidates(
    neurons: pl.DataFrame, screen: pl.DataFrame, percent: float, sample: int, seed: int
) -> np.ndarray:
    """Whether each neuron is a candidate: bool, shape (n_neurons,).

    Those are the top and the bottom ``percent`` % of ``screen`` (layer, component, neuron, score)
    and ``sample`` random ones of the rest (all, where there are fewer). Ties go to the earlier
    neuron. Raises ``UserError`` for a screen of other neurons, or without a finite score for each,
    for a percentage outside 0 to 50 or a sample below 0, and where nothing is left to measure.
    """
    _check(percent, sample)
    scores = values_of_neurons(neurons, screen, "score", "screen")
    n_ends = n_selected(percent, len(neurons))
    chosen = np.zeros(len(neurons), dtype=bool)
    for order in (scores, -scores):
        chosen[np.argsort(order, kind="stable")[:n_ends]] = True
    rest = np.flatnonzero(~chosen)
    random = np.random.default_rng(seed)
    chosen[random.choice(rest, min(sample, len(rest)), replace=False)] = True
    if not chosen.any():
        raise UserError(
            f"attribution.screen_percent: {percent} % of {len(neurons)} neurons are none, and "
            "screen_sample is 0; raise one of them"
        )
    return chosen


def values_of_neurons(
    neurons: pl.DataFrame, table: pl.DataFrame, column: str, name: str
) -> np.ndarray:
    """A ``column`` of ``table`` in the order of ``neurons``: float64, shape (n_neurons,).

    Raises ``UserError`` where the table, called ``name``, lacks the column, or a finite value of
    some neuron.
    """
    missing = [one for one in (*NEURON_COLUMNS, column) if one not in table.columns]
    if missing:
        raise UserError(
            f"{name}: no column {', '.join(missing)}; a table with "
            f"{', '.join((*NEURON_COLUMNS, column))} is needed"
        )
    wanted = table.select(
        *(pl.col(one).cast(neurons.schema[one]) for one in NEURON_COLUMNS), column
    )
    found = neurons.join(wanted, on=NEURON_COLUMNS, how="left", maintain_order="left")
    values = found[column].cast(pl.Float64).to_numpy()
    if len(values) != len(neurons) or not np.isfinite(values).all():
        raise UserError(
            f"{name}: {column} is not one finite number for each of the ranker's {len(neurons)} "
            "neurons; measure it with this ranker"
        )
    return values


def _check(percent: float, sample: int) -> None:
    if not 0 <= percent <= 50:
        raise UserError(
            f"attribution.screen_percent: {percent} was found; a number from 0 to 50 is needed"
        )
    if sample < 0:
        raise UserError(
            f"attribution.screen_sample: {sample} was found; a number from 0 up is needed"
        )
