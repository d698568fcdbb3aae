"""The area under loss curves, and by how much it differs between methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.ablation.loss_curves import ABLATED, EVERY, Losses, interval
from relevance_neurons.ablation.query_values import Cell, with_sizes
from relevance_neurons.ablation.verdicts import holm
from relevance_neurons.selection import ablation_kinds as kinds

AREAS = pl.Schema(
    dict.fromkeys(("method", "scheme", "ablated", "collection"), pl.String)
    | dict.fromkeys(("area", "ci_low", "ci_high"), pl.Float64)
    | {"compared_with": pl.String}
    | dict.fromkeys(("difference", "difference_low", "difference_high"), pl.Float64)
    | dict.fromkeys(("p_value", "p_value_holm"), pl.Float64)
    | dict.fromkeys(("n_neurons_low", "n_neurons_high"), pl.Int64)
)


class _Curve(NamedTuple):
    """A scheme's cells of one kind by their number of neurons, which rises."""

    method: str
    family: str
    scheme: str
    kind: str
    points: dict[int, Cell]

    def ends(self) -> tuple[int, int]:
        return min(self.points), max(self.points)


def curve_areas(
    found: Sequence[Losses], scheme_sizes: pl.DataFrame, methods: Sequence[str]
) -> pl.DataFrame:
    """One row is a curve, alone or compared with that of an earlier one of ``methods``.

    ``found``: of ``losses``; ``methods``: names, the study's own first. Columns as in ``AREAS``:

    - area: the mean of difference_percent over log10(n_neurons), by the trapezoid rule between the
      smallest and the largest number of neurons of the curve (n_neurons_low, n_neurons_high); null
      for a curve of a single number; ci_low, ci_high: 95 % percentile bootstrap over queries;
    - compared_with: null, or the method of the other curve: of the same family (the scheme's name
      without its method) and the same neurons switched off; the controls are not compared;
    - difference: this area less the other's, both over the numbers of neurons that both curves
      span (n_neurons_low, n_neurons_high of the row): that of intersections may be other than the
      areas' own; difference_low, difference_high: paired bootstrap over the same queries;
    - p_value: twice the smaller share of replicates on one side of 0, counting the curves
      themselves; p_value_holm: over the comparisons with the same ``ablated``, those of ``all``
      and those of single collections apart.
    """
    rows = []
    for one in found:
        curves = list(_curves(one, scheme_sizes, methods))
        rows += [_area(one, curve) for curve in curves]
        rows += [_comparison(one, *pair) for pair in _pairs(curves, methods)]
    areas = pl.DataFrame(rows, schema=AREAS, orient="row")
    family = pl.concat_str("ablated", pl.lit(" "), pl.col("collection") == EVERY)
    corrected, _ = holm(areas["p_value"], areas.select(family).to_series())
    places = {name: place for place, name in enumerate(methods)}
    order = [
        pl.col(name).replace_strict(places, default=-1) for name in ("method", "compared_with")
    ]
    return areas.with_columns(p_value_holm=corrected.cast(pl.Float64)).sort(
        order[0], "scheme", "ablated", "collection", order[1]
    )


def log_area_weights(n_neurons: Sequence[int], low: int, high: int) -> np.ndarray:
    """What each point of a curve adds to its mean over log10(n) from ``low`` to ``high``.

    ``n_neurons`` rise; between them the curve is straight over log10(n). Sums to 1.
    """
    places = np.log10(np.asarray(n_neurons, dtype=float))
    first, last = np.log10(low), np.log10(high)
    inside = places[(places > first) & (places < last)]
    grid = np.concatenate([[first], inside, [last]])
    hats = np.array([np.interp(grid, places, one) for one in np.eye(len(places))])
    return np.trapezoid(hats, grid, axis=1) / (last - first)


def _curves(one: Losses, scheme_sizes: pl.DataFrame, methods: Sequence[str]) -> Iterator[_Curve]:
    schema = {"scheme": pl.String, "top_percent": pl.Float64}
    cells = pl.DataFrame(list(one.percents), schema=schema, orient="row")
    sized = kinds.with_kind(with_sizes(cells, scheme_sizes)).sort("n_neurons", "top_percent")
    points: dict[tuple[str, str], dict[int, Cell]] = {}
    for name, level, n, kind, scheme in sized.iter_rows():
        points.setdefault((scheme, kind), {}).setdefault(n, (name, level))
    for (scheme, kind), of in sorted(points.items()):
        method, family = kinds.method_of(scheme, methods[0])
        yield _Curve(method, family, scheme, kind, of)


def _pairs(curves: Sequence[_Curve], methods: Sequence[str]) -> Iterator[tuple[_Curve, _Curve]]:
    """Each curve that may be compared, with every one of an earlier method."""
    for pair in combinations(curves, 2):
        one, other = sorted(pair, key=lambda curve: methods.index(curve.method))
        alike = (one.family, one.kind) == (other.family, other.kind)
        if alike and one.method != other.method and one.kind not in kinds.DRAWN:
            yield other, one


def _row(one: Losses, curve: _Curve) -> dict[str, object]:
    names: dict[str, object] = {
        "method": curve.method,
        "scheme": curve.scheme,
        "collection": one.collection,
    }
    return names | {"ablated": ABLATED[curve.kind]}


def _area(one: Losses, curve: _Curve) -> dict[str, object]:
    low, high = curve.ends()
    row = _row(one, curve) | {"n_neurons_low": low, "n_neurons_high": high}
    if low == high:
        return row
    area, replicated = _mean(one, curve, low, high)
    ends = interval(replicated)
    return row | {"area": _known(area), "ci_low": ends[0], "ci_high": ends[1]}


def _comparison(one: Losses, curve: _Curve, other: _Curve) -> dict[str, object]:
    low, high = (
        choose(ends)
        for choose, ends in zip(
            (max, min), zip(curve.ends(), other.ends(), strict=True), strict=True
        )
    )
    row = _area(one, curve) | {"compared_with": other.method}
    if low >= high:  # no number of neurons in common
        return row | {"n_neurons_low": None, "n_neurons_high": None}
    (mine, replicated), (theirs, others) = (_mean(one, each, low, high) for each in (curve, other))
    ends = interval(replicated - others)
    row |= {"n_neurons_low": low, "n_neurons_high": high, "difference": _known(mine - theirs)}
    row |= {"difference_low": ends[0], "difference_high": ends[1]}
    return row | {"p_value": None if ends[0] is None else _p_value(replicated - others)}


def _mean(one: Losses, curve: _Curve, low: int, high: int) -> tuple[float, np.ndarray]:
    """The curve's mean over log10(n), and that of every replicate."""
    weights = log_area_weights(list(curve.points), low, high)
    cells = list(curve.points.values())
    percents = np.array([one.percents[cell] for cell in cells])
    replicated = np.array([one.replicated[cell] for cell in cells])
    return float(weights @ percents), weights @ replicated


def _p_value(differences: np.ndarray) -> float:
    """Two-sided, of replicated differences: how many lie on the other side of 0."""
    known = differences[np.isfinite(differences)]
    smaller = min(np.sum(known <= 0), np.sum(known >= 0))
    return float(min(1.0, 2 * (1 + smaller) / (1 + len(known))))


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
