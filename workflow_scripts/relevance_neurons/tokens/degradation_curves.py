"""Degradation curves: how far p falls while a method's tokens are removed, normalised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from relevance_neurons.tokens.query_sums import (
    EVERY,
    Replicated,
    Resampled,
    interval_columns,
    mean_over_collections,
    resample,
)

CURVES = pl.Schema(
    {"collection": pl.String, "method": pl.String, "layer": pl.Int32, "removal": pl.String}
    | {"order": pl.String, "step": pl.Int32, "share": pl.Float64}
    | dict.fromkeys(("p_label", "p_label_low", "p_label_high"), pl.Float64)
    | dict.fromkeys(("normalised", "ci_low", "ci_high"), pl.Float64)
    | {"n_pairs": pl.Int64, "n_queries": pl.Int64}
)
PLACE = ("removal", "order")
"""Curves of one place are compared with each other."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The curve of a method at a layer (None: it has none), of a collection or of ``EVERY``.

    ``shares``: shape (steps + 1,), from 0; ``p_label``: mean over pairs; ``normalised``: (mean p -
    mean floor) / (mean original - mean floor), 1 at the start and 0 where all is removed as far as
    it falls; ``drop``: original - p, not normalised. Each as the value at every step and its
    replicates over queries, which all curves of a collection share.
    """

    collection: str
    removal: str
    order: str
    method: str
    layer: int | None
    shares: np.ndarray
    p_label: Replicated
    normalised: Replicated
    drop: Replicated
    n_pairs: int
    n_queries: int


def degradation_curves(
    sums: pl.DataFrame, replicates: int = 10_000, seed: int = 0
) -> Iterator[list[Curve]]:
    """Yield the curves of each collection and place, then of all collections if there are several.

    ``sums``: rows of summarise_degradation.sql. Raises ``ValueError`` where curves of a place are
    not of the same pairs and steps: they could not be compared.
    """
    for place, frame in sums.sort(PLACE).group_by(PLACE, maintain_order=True):
        by = ["method", "layer", "step", "share"]
        each = []
        for one in resample(frame, by, ["p_label", "original", "floor"], replicates, seed):
            each.append(list(_curves(one, *place)))
            yield each[-1]
        if len(each) > 1:
            yield _every(each)


def curves_frame(curves: Sequence[Curve]) -> pl.DataFrame:
    """One row is a point of a curve; columns as in ``CURVES``.

    p_label_low, p_label_high and ci_low, ci_high: 95 % percentile bootstraps of p_label and of
    normalised over queries (of all collections: within each). The latter are null where pairs have
    nothing to lose in 5 % of the replicates or more.
    """
    frames = []
    for one in curves:
        bounds = interval_columns("normalised", one.normalised)
        names = ("collection", "method", "layer", "removal", "order", "n_pairs", "n_queries")
        row = {name: pl.lit(getattr(one, name)) for name in names}
        columns = {"step": np.arange(len(one.shares)), "share": one.shares}
        columns |= interval_columns("p_label", one.p_label)
        columns |= {"normalised": bounds["normalised"]}
        columns |= {"ci_low": bounds["normalised_low"], "ci_high": bounds["normalised_high"]}
        frame = pl.DataFrame(columns, strict=False).with_columns(**row)
        frames.append(frame.select(list(CURVES)).cast(dict(CURVES)))
    order = ["collection", "method", "layer", "removal", "order", "step"]
    return pl.concat(frames).sort(order) if frames else pl.DataFrame(schema=CURVES)


def _curves(one: Resampled, removal: str, order: str) -> Iterator[Curve]:
    p, n = one.ratio("p_label"), one.n_pairs
    normalised = _quotient(one, "p_label")
    drop = tuple(original - left for original, left in zip(one.ratio("original"), p, strict=True))
    cells = one.cells.with_row_index("cell")
    _check(one)
    for (method, layer), own in cells.group_by("method", "layer", maintain_order=True):
        at = own.sort("step")["cell"].to_numpy()
        of = [(value[at], replicated[:, at]) for value, replicated in (p, normalised, drop)]
        shares = own.sort("step")["share"].to_numpy()
        names = (one.collection, removal, order, method, layer, shares)
        yield Curve(*names, *of, int(n[at[0]]), int(one.n_queries[at[0]]))


def _quotient(one: Resampled, name: str) -> Replicated:
    """(p - floor) / (original - floor); NaN where the original is not above the floor."""
    found = []
    for of in (one.observed, one.replicated):
        attainable = of["original"] - of["floor"]
        with np.errstate(all="ignore"):
            value = (of[name] - of["floor"]) / attainable
        found.append(np.where(attainable > 1e-12, value, np.nan))
    return found[0], found[1]


def _check(one: Resampled) -> None:
    steps = one.cells.group_by("method", "layer").agg(pl.len())["len"]
    if len(set(one.n_pairs)) > 1 or len(set(one.n_queries)) > 1 or steps.n_unique() > 1:
        found = one.cells.with_columns(n_pairs=pl.Series(one.n_pairs))
        raise ValueError(f"{one.collection}: curves of other pairs or steps: {found}")


def _every(each: Sequence[Sequence[Curve]]) -> list[Curve]:
    """The mean over collections, of the curves that all of them have."""
    keyed = [{(one.method, one.layer): one for one in curves} for curves in each]
    found = []
    for key, first in keyed[0].items():
        if not all(key in one for one in keyed):
            continue
        of = [one[key] for one in keyed]
        means = [
            mean_over_collections([getattr(one, name) for one in of])
            for name in ("p_label", "normalised", "drop")
        ]
        counts = sum(one.n_pairs for one in of), sum(one.n_queries for one in of)
        names = (EVERY, first.removal, first.order, *key, first.shares)
        found.append(Curve(*names, *means, *counts))
    return found
