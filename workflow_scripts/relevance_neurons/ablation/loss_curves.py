"""The loss against the number of neurons that are switched off, with what queries leave open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from relevance_neurons.ablation.query_values import Cell, QueryValues, query_values, with_sizes
from relevance_neurons.selection import ablation_kinds as kinds
from relevance_neurons.statistics.bootstrap import CONFIDENCE, bounds, resampled_means

EVERY = "all"
"""In place of a collection: the mean over all of them."""
ABLATED = {kinds.PLAIN: "top", **{kind: kind for kind in (kinds.BOTTOM, kinds.KEEP_ONLY)}}
ABLATED |= {kind: kind for kind in kinds.DRAWN}
"""Kind -> what a curve calls it; other kinds have no curve."""
CURVES = pl.Schema(
    dict.fromkeys(("method", "scheme", "ablated"), pl.String)
    | {"top_percent": pl.Float64, "n_neurons": pl.Int64, "collection": pl.String}
    | dict.fromkeys(("original", "pruned", "difference_percent"), pl.Float64)
    | dict.fromkeys(("ci_low", "ci_high", "draw_low", "draw_high"), pl.Float64)
    | dict.fromkeys(("n_queries", "n_draws"), pl.Int64)
)


@dataclass
class Losses:
    """What a collection, or the mean over all, loses under each ablation, in percent.

    ``percents``, ``pruned``: of each cell; ``replicated``: the percents of resampled queries, shape
    (replicates,), NaN where the original's mean is 0 or a collection has a single query; ``draws``:
    the percent of each draw by its number.
    """

    collection: str
    n_queries: int
    original: float
    pruned: dict[Cell, float]
    percents: dict[Cell, float]
    replicated: dict[Cell, np.ndarray]
    draws: dict[Cell, dict[int, float]]


def losses(
    measures: pl.DataFrame,
    scheme_sizes: pl.DataFrame,
    levels: Sequence[float] | None = None,
    replicates: int = 10_000,
    seed: int = 0,
) -> Iterator[Losses]:
    """Yield the losses of each collection, then those of all together if there are several.

    Arguments as in ``ablation_effects``. All ablations of a collection share its replicates, so
    that their differences are paired. Of all: the mean over collections of the percents, of the
    ablations that each of them has; queries are resampled within each collection.
    """
    each = []
    for values in query_values(measures, scheme_sizes, levels):
        one = _losses_of(values, replicates, seed)
        yield one
        each.append(one)
    if len(each) > 1:
        yield _mean_losses(each)


def loss_curves(found: Sequence[Losses], scheme_sizes: pl.DataFrame, first: str) -> pl.DataFrame:
    """One row is a point of a curve: an ablation at a level on a collection, or on ``EVERY``.

    Columns as in ``CURVES``; ``first`` is the method of schemes that name none, ``scheme`` the one
    without its kind, which is in ``ablated``; n_neurons as in ``with_sizes``. ci_low, ci_high: 95 %
    percentile bootstrap of difference_percent over queries; draw_low, draw_high: of single draws of
    a control.
    """
    rows = [
        {"name": cell[0], "top_percent": cell[1], **_point(one, cell)}
        for one in found
        for cell in one.percents
    ]
    schema = {"name": pl.String, "top_percent": pl.Float64}
    schema |= {name: kind for name, kind in CURVES.items() if name not in _NAMES}
    frame = pl.DataFrame(rows, schema=schema, orient="row").rename({"name": "scheme"})
    sized = kinds.with_kind(with_sizes(frame, scheme_sizes))
    return (
        sized.with_columns(
            method=pl.col("of").map_elements(
                lambda of: kinds.method_of(of, first)[0], return_dtype=pl.String
            ),
            scheme="of",
            ablated=pl.col("kind").replace_strict(ABLATED, return_dtype=pl.String),
        )
        .select(list(CURVES))
        .sort("method", "scheme", "ablated", "collection", "n_neurons", "top_percent")
    )


_NAMES = {"method", "scheme", "ablated", "top_percent", "n_neurons"}


def interval(replicated: np.ndarray) -> tuple[float | None, float | None]:
    """95 % percentile interval; None, None where less than 95 % of the replicates have a value."""
    known = replicated[np.isfinite(replicated)]
    if len(known) < CONFIDENCE * len(replicated) or not len(known):
        return None, None
    (low,), (high,) = bounds(known[:, None])
    return low, high


def _losses_of(values: QueryValues, replicates: int, seed: int) -> Losses:
    cells = [cell for cell in values.ablated if kinds.parted(cell[0])[0] in ABLATED]
    original = values.original
    pruned = [values.ablated[cell].mean(axis=0) for cell in cells]
    means = resampled_means(np.vstack([original, *pruned]), values.rng(seed), replicates)
    if len(original) < 2:
        means = np.full_like(means, np.nan)
    replicated = _percent(means[:, :1], means[:, 1:]).T
    draws = {
        cell: dict(
            zip(
                values.draws[cell],
                _percent(original.mean(), values.draw_means(cell)).tolist(),
                strict=True,
            )
        )
        for cell in cells
    }
    averages = [float(one.mean()) for one in pruned]
    percents = _percent(original.mean(), np.array(averages)).tolist()
    return Losses(
        values.collection,
        len(original),
        float(original.mean()),
        dict(zip(cells, averages, strict=True)),
        dict(zip(cells, percents, strict=True)),
        dict(zip(cells, replicated, strict=True)),
        draws,
    )


def _mean_losses(each: Sequence[Losses]) -> Losses:
    """The mean over collections, which count alike."""
    cells = [cell for cell in each[0].percents if all(cell in one.percents for one in each)]

    def mean(values: str, cell: Cell) -> np.ndarray:
        return np.mean([getattr(one, values)[cell] for one in each], axis=0)

    draws = {}
    for cell in cells:
        shared = sorted(set.intersection(*(set(one.draws[cell]) for one in each)))
        draws[cell] = {
            draw: float(np.mean([one.draws[cell][draw] for one in each])) for draw in shared
        }
    return Losses(
        EVERY,
        sum(one.n_queries for one in each),
        float(np.mean([one.original for one in each])),
        {cell: float(mean("pruned", cell)) for cell in cells},
        {cell: float(mean("percents", cell)) for cell in cells},
        {cell: mean("replicated", cell) for cell in cells},
        draws,
    )


def _percent(original: np.ndarray | float, pruned: np.ndarray) -> np.ndarray:
    """100 (pruned - original) / original; NaN where the original is 0."""
    with np.errstate(all="ignore"):
        return np.where(np.asarray(original) > 0, 100 * (pruned / original - 1), np.nan)


def _point(one: Losses, cell: Cell) -> dict[str, object]:
    low, high = interval(one.replicated[cell])
    percent = one.percents[cell]
    row = {"collection": one.collection, "original": one.original, "pruned": one.pruned[cell]}
    row |= {"difference_percent": percent if np.isfinite(percent) else None}
    row |= {"ci_low": low, "ci_high": high}
    row |= {"n_queries": one.n_queries, "n_draws": len(one.draws[cell])}
    each = list(one.draws[cell].values())
    if kinds.parted(cell[0])[0] in kinds.DRAWN and each and np.isfinite(each).all():
        row |= {"draw_low": min(each), "draw_high": max(each)}
    return row
