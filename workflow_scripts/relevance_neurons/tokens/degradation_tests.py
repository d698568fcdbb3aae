"""Which method finds the tokens that decide? First drops, areas, and tests between methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from relevance_neurons.ablation.verdicts import holm
from relevance_neurons.statistics.paired_tests import paired_p
from relevance_neurons.statistics.stratified_tests import stratified_test
from relevance_neurons.tokens.degradation_curves import PLACE, Curve
from relevance_neurons.tokens.query_sums import EVERY, Replicated, interval, known

AREAS = pl.Schema(
    {"collection": pl.String, "method": pl.String, "layer": pl.Int32, "removal": pl.String}
    | {"order": pl.String}
    | dict.fromkeys(("first_drop", "first_drop_low", "first_drop_high"), pl.Float64)
    | {"first_drop_normalised": pl.Float64}
    | dict.fromkeys(("first_drop_normalised_low", "first_drop_normalised_high"), pl.Float64)
    | dict.fromkeys(("area", "area_low", "area_high"), pl.Float64)
    | dict.fromkeys(("mean_drop", "mean_drop_low", "mean_drop_high"), pl.Float64)
    | {"compared_with": pl.String}
    | dict.fromkeys(("difference", "difference_low", "difference_high"), pl.Float64)
    | {"drop_difference": pl.Float64}
    | dict.fromkeys(("drop_difference_low", "drop_difference_high"), pl.Float64)
    | dict.fromkeys(("p_value", "p_value_holm"), pl.Float64)
    | {"n_steps": pl.Int64, "n_pairs": pl.Int64, "n_queries": pl.Int64}
)
Values = dict[tuple, np.ndarray]
"""(collection, removal, order, method, layer) -> of each query what its pairs add up to of mean p,
over the mean number of pairs of a query: its mean over queries is that over pairs."""


def degradation_areas(
    curves: Sequence[Curve], sums: pl.DataFrame, methods: Sequence[str], layer: int
) -> pl.DataFrame:
    """One row is a method at a layer, in a way and an order of removal; columns as in ``AREAS``.

    ``curves``, ``sums``: of ``degradation_curves`` and what they were made of; ``methods``: the
    study's, the one that the others are compared with first; ``layer``: where methods that have
    layers are compared.

    - first_drop: original - p after the first step, mean over pairs (paper 004, table 1);
      first_drop_normalised: in units of original - floor (its 61.3 % and 29.0 %);
    - area: mean of normalised over the steps, the untouched start left out: it is 1. Most
      important first a good method's is small, least important first it is large;
    - n_steps: after the start, of each curve;
    - mean_drop: mean over the same steps of original - p, not normalised. Some rankers give a pair
      of nothing but special tokens a high p: where p falls below that floor normalised is below 0,
      where it is near the original the area's interval is wide or there is none; this one stays;
    - compared_with: the first method (at ``layer``); null for itself there, and for other methods
      at other layers; difference: this area less the first's; drop_difference: this mean_drop less
      the first's. All intervals are 95 % percentile bootstraps that resample queries with all their
      pairs, the same for both;
    - p_value: two-tailed paired t-test over queries of what a query's pairs add up to, p averaged
      over the steps, by the mean number of pairs of a query of the collection: it asks what the
      interval of drop_difference asks, whether the mean over pairs differs; of ``EVERY``
      collection ``stratified_test``, each counting alike as there; null for the first method's
      own layers; p_value_holm: over all tests of the table.
    """
    values = dict(_query_values(sums))
    first = {
        (one.collection, one.removal, one.order): one
        for one in curves
        if one.method == methods[0] and one.layer in (layer, None)
    }
    rows = []
    for one in curves:
        other = first.get((one.collection, one.removal, one.order))
        row = _row(one)
        if other not in (None, one) and (one.method == methods[0] or one.layer in (layer, None)):
            row |= _comparison(one, other)
            row |= {} if one.method == methods[0] else {"p_value": _p_value(one, other, values)}
        rows.append(row)
    areas = pl.DataFrame(rows, schema=AREAS, orient="row")
    corrected, _ = holm(areas["p_value"], pl.Series(["table"] * len(areas), dtype=pl.String))
    place = pl.col("method").replace_strict({name: i for i, name in enumerate(methods)}, default=-1)
    areas = areas.with_columns(p_value_holm=corrected.cast(pl.Float64))
    return areas.sort(pl.col("collection") == EVERY, "collection", *PLACE, place, "layer")


def mean_of_steps(of: Replicated) -> Replicated:
    """Mean over the steps after the start, shape (1,), and that of every replicate."""
    value, replicated = of
    return value[1:].mean()[None], replicated[:, 1:].mean(axis=1)[:, None]


def _row(one: Curve) -> dict[str, object]:
    names = ("collection", "method", "layer", "removal", "order", "n_pairs", "n_queries")
    row: dict[str, object] = {name: getattr(one, name) for name in names}
    row |= {"n_steps": len(one.shares) - 1}
    value, replicated = one.normalised
    drop = (one.drop[0][1:2], one.drop[1][:, 1:2])
    row |= _columns("first_drop", drop)
    row |= _columns("first_drop_normalised", (1 - value[1:2], 1 - replicated[:, 1:2]))
    row |= _columns("area", mean_of_steps(one.normalised))
    return row | _columns("mean_drop", mean_of_steps(one.drop))


def _columns(name: str, found: Replicated) -> dict[str, float | None]:
    low, high = interval(found[1][:, 0])
    return {name: known(found[0][0]), f"{name}_low": low, f"{name}_high": high}


def _comparison(one: Curve, other: Curve) -> dict[str, object]:
    row: dict[str, object] = {"compared_with": other.method}
    for name, of in (("difference", "normalised"), ("drop_difference", "drop")):
        mine, theirs = (mean_of_steps(getattr(curve, of)) for curve in (one, other))
        row |= _columns(name, (mine[0] - theirs[0], mine[1] - theirs[1]))
    return row


def _p_value(one: Curve, other: Curve, values: Values) -> float | None:
    where = f"{one.method} on {one.collection}"
    place = (one.removal, one.order)
    both = [
        (values[key], values[(key[0], *place, other.method, other.layer)])
        for key in values
        if key[1:] == (*place, one.method, one.layer) and one.collection in (key[0], EVERY)
    ]
    if one.collection == EVERY:
        return stratified_test([left - right for left, right in both], where).p_value
    ((left, right),) = both
    return paired_p(right, left, where)


def _query_values(sums: pl.DataFrame) -> Iterator[tuple[tuple, np.ndarray]]:
    """Of each curve the queries' values, queries by name; see ``Values``."""
    by = ["collection", *PLACE, "method", "layer"]
    after = sums.filter(pl.col("step") > 0)
    of_query = after.group_by(*by, "query_id").agg(pl.mean("p_label", "n_pairs"))
    for key, frame in of_query.sort("query_id").group_by(by, maintain_order=True):
        yield key, (frame["p_label"] / frame["n_pairs"].mean()).to_numpy()
