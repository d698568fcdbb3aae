"""Attention against term count, head by head: how it saturates, and what the length does to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from relevance_neurons.mechanism.saturation import NO_FIT, Fit, Points, fit_curve, r_squared
from relevance_neurons.running.progress import Progress
from relevance_neurons.statistics.bootstrap import bounds

KINDS = ("total", "exact", "soft")
REPLICATES = 200
ENOUGH = 0.95
"""Share of the replicates that need a fit for an interval to be given."""
SCHEMA = pl.Schema(
    {
        "collection": pl.String,
        "layer": pl.Int32,
        "head": pl.Int32,
        "is_matching": pl.Boolean,
        "kind": pl.String,
        "k1": pl.Float64,
        "k1_low": pl.Float64,
        "k1_high": pl.Float64,
        "b": pl.Float64,
        "b_low": pl.Float64,
        "b_high": pl.Float64,
        "r_squared": pl.Float64,
        "n_words": pl.Int32,
        "n_queries": pl.Int32,
        "height": pl.Float64,
        "floor": pl.Float64,
    }
)


@dataclass(frozen=True)
class Grouped:
    """Words of one kind of attention, grouped by (query, tf, passage_words).

    ``query``: of each group, from 0; ``point``: its (tf, passage_words), an index of ``tf`` and
    ``length`` (in mean lengths). ``counts``: words in it, shape (n_groups,); ``sums``, ``squares``:
    of their attention, shape (n_groups, n_heads).
    """

    query: np.ndarray
    point: np.ndarray
    tf: np.ndarray
    length: np.ndarray
    counts: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    def points(self, head: int, times: np.ndarray) -> tuple[Points, np.ndarray, float]:
        """Points, means and sum of squares with each query ``times`` over, shape (n_queries,)."""
        each, n = times[self.query], len(self.tf)
        weights = np.bincount(self.point, each * self.counts, n)
        totals = np.bincount(self.point, each * self.sums[:, head], n)
        is_there = weights > 0
        points = Points(self.tf[is_there], self.length[is_there], weights[is_there])
        squares = float((each * self.squares[:, head]).sum())
        return points, totals[is_there] / weights[is_there], squares


def fit_soft_tf(
    query_attention: pl.DataFrame, heads: pl.DataFrame, collection: str, seed: int
) -> pl.DataFrame:
    """The table soft_tf of a collection: a row per head and kind.

    ``query_attention``: of the ranker that is studied; ``heads``: layer, head, is_matching. All
    kinds are fitted against tf, the count of the token's own word in the passage. total and soft
    are fitted over all query tokens that are words, with a floor (what a token pays to a passage
    without its word); exact, which is 0 there by its definition, over those with tf >= 1, without
    one. Tokens of one word count each. Intervals (95 %, bootstrap over queries) for matching heads,
    null where less than ``ENOUGH`` of the replicates have a fit. k1, b and r_squared are null where
    no curve can be told from another; n_words and n_queries say on how much it rests.
    """
    words = query_attention.filter(pl.col("word").str.contains(r"[\p{L}\p{N}]"))
    lengths = words.unique(["query_id", "doc_id"])["passage_words"]
    mean_length, rows = lengths.mean() or 1.0, []
    keys = heads.select("layer", "head", "is_matching").sort("layer", "head").rows()
    with Progress(len(KINDS) * len(keys), f"soft tf of {collection}", "curves") as progress:
        for kind in KINDS:
            grouped = group_words(words, kind, mean_length)
            for number, (layer, head, is_matching) in enumerate(keys):
                row = {"collection": collection, "layer": layer, "head": head, "kind": kind}
                row |= {"is_matching": is_matching}
                rows.append(row | _fitted(grouped, number, kind, is_matching, seed))
                progress.update()
    return pl.DataFrame(rows, schema=SCHEMA).sort("layer", "head", "kind")


def group_words(words: pl.DataFrame, kind: str, mean_length: float) -> Grouped:
    """The rows of ``words`` (query_attention) that ``kind`` is fitted on."""
    if kind == "exact":
        words = words.filter(pl.col("tf") >= 1)
    keys = words.select("query_id", "tf", "passage_words")
    groups = keys.unique(maintain_order=True).sort(keys.columns).with_row_index("group")
    places = keys.join(groups, on=keys.columns, how="left", maintain_order="left")["group"]
    n_heads = words[kind].list.len().max() or 0
    attention = words[kind].list.to_array(n_heads).to_numpy().astype(np.float64)
    sums, squares = np.zeros((len(groups), n_heads)), np.zeros((len(groups), n_heads))
    np.add.at(sums, places.to_numpy(), attention)
    np.add.at(squares, places.to_numpy(), attention**2)
    at, point = np.unique(groups["tf", "passage_words"].to_numpy(), axis=0, return_inverse=True)
    query = groups["query_id"].rank("dense").to_numpy().astype(np.int64) - 1
    counts = np.bincount(places.to_numpy(), minlength=len(groups)).astype(float)
    tf, length = at[:, 0].astype(float), at[:, 1] / mean_length
    return Grouped(query, point.ravel(), tf, length, counts, sums, squares)


def _fitted(grouped: Grouped, head: int, kind: str, is_matching: bool, seed: int) -> dict:
    n_queries = int(grouped.query.max()) + 1 if len(grouped.query) else 0
    numbers = {"n_words": int(grouped.counts.sum()), "n_queries": n_queries}
    if not n_queries:
        return numbers
    with_floor = kind != "exact"
    points, means, squares = grouped.points(head, np.ones(n_queries))
    fit = fit_curve(points, means, with_floor)
    found = numbers | fit._asdict() | {"r_squared": r_squared(points, means, squares, fit)}
    if is_matching and fit != NO_FIT and n_queries > 1:
        replicates = list(_replicated(grouped, head, fit, with_floor, seed))
        found |= _interval(replicates, ("k1", "b"))
    return found


def _replicated(
    grouped: Grouped, head: int, fit: Fit, with_floor: bool, seed: int
) -> Iterator[Fit]:
    rng = np.random.default_rng(seed)  # all heads and kinds meet the same queries
    n_queries = int(grouped.query.max()) + 1
    draws = rng.multinomial(n_queries, np.full(n_queries, 1 / n_queries), size=REPLICATES)
    for times in draws:
        points, means, _ = grouped.points(head, times.astype(float))
        yield fit_curve(points, means, with_floor, [fit[:2]])


def _interval(fits: Sequence[Fit], names: Sequence[str]) -> dict[str, float]:
    known = [fit for fit in fits if fit != NO_FIT]
    if len(known) < ENOUGH * len(fits):
        return {}
    low, high = bounds(np.array([[getattr(fit, name) for name in names] for fit in known]))
    lows = {f"{name}_low": one for name, one in zip(names, low, strict=True)}
    return lows | {f"{name}_high": one for name, one in zip(names, high, strict=True)}
