"""Intervals over queries of how far an ablation shifts the level, and of what it takes of a gap."""

from __future__ import annotations

import numpy as np
import polars as pl

from relevance_neurons.ablation.query_values import collection_rng
from relevance_neurons.selection import ablation_kinds as kinds
from relevance_neurons.statistics.bootstrap import CONFIDENCE, bounds, resampled_means

_CELL = ["scheme", "top_percent", "draw"]
_GAP = pl.col("margin_relevant") - pl.col("margin_other")
_GAP_PRUNED = _GAP + pl.col("shift_relevant") - pl.col("shift_other")
_SHIFTS = {
    "shift": (pl.col("n") * pl.col("shift"), pl.col("n")),
    "shift_relevant": (pl.col("n_relevant") * pl.col("shift_relevant"), pl.col("n_relevant")),
    "shift_non_relevant": (pl.col("n_other") * pl.col("shift_other"), pl.col("n_other")),
}
_PERCENTS = {
    "spread_percent": (pl.col("spread_pruned"), pl.col("spread")),
    "gap_percent": (_GAP_PRUNED, _GAP),
}
BOUNDS = [f"{name}_{end}" for name in {**_SHIFTS, **_PERCENTS} for end in ("low", "high")]


def with_intervals(
    level_changes: pl.DataFrame,
    query_changes: pl.DataFrame,
    collection: str,
    replicates: int = 10_000,
    seed: int = 0,
) -> pl.DataFrame:
    """Add the 95 % percentile bootstrap intervals over queries of shifts and percents (``BOUNDS``).

    ``level_changes``, ``query_changes``: rows of the SQL files of these names, of one collection.
    The schemes' own ablations have them; controls, whose draws differ by more than their queries,
    have nulls, and so has a collection of one query. A percent has none where in more than 5 % of
    the replicates there is no gap or spread to lose.
    """
    plain = kinds.with_kind(query_changes).filter(kind=kinds.PLAIN).sort(*_CELL, "query_id")
    rows = []
    for cell, frame in plain.group_by(_CELL, maintain_order=True):
        rng = collection_rng(collection, seed)  # the same replicates for every ablation
        rows.append([*cell, *_cell_bounds(frame, rng, replicates)])
    schema = level_changes.select(_CELL).schema | dict.fromkeys(BOUNDS, pl.Float64)
    found = pl.DataFrame(rows, schema=schema, orient="row")
    return level_changes.join(found, on=_CELL, how="left", maintain_order="left")


def _cell_bounds(
    frame: pl.DataFrame, rng: np.random.Generator, replicates: int
) -> list[float | None]:
    """The bounds of one ablation, in the order of ``BOUNDS``."""
    statistics = {**_SHIFTS, **_PERCENTS}
    if len(frame) < 2:
        return [None] * len(BOUNDS)
    # A query without a value counts in neither: 0 in both leaves the ratio of sums as it is.
    both = [
        [above, pl.when(above.is_not_null()).then(below)] for above, below in statistics.values()
    ]
    columns = [one.fill_null(0.0) for pair in both for one in pair]
    values = frame.select(one.alias(str(i)) for i, one in enumerate(columns)).to_numpy()
    means = resampled_means(values.T.astype(np.float64), rng, replicates)
    found: list[float | None] = []
    for i, name in enumerate(statistics):
        found += _ratio_bounds(means[:, 2 * i], means[:, 2 * i + 1], name in _PERCENTS)
    return found


def _ratio_bounds(above: np.ndarray, below: np.ndarray, percent: bool) -> list[float | None]:
    """The interval of above / below, or of 100 (above / below - 1), from replicated means."""
    defined = below > 0
    if defined.mean() < CONFIDENCE:
        return [None, None]
    ratio = above[defined] / below[defined]
    (low,), (high,) = bounds((100 * (ratio - 1) if percent else ratio)[:, None])
    return [low, high]
