"""How far predictions go with logits: correlations, with bootstrap intervals over queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from relevance_neurons.statistics.bootstrap import bounds

_VALUES_AT_ONCE = 4_000_000
_ROUNDING = 1e-12
"""What differs by less than this share of its size does not differ."""


class Estimate(NamedTuple):
    """A number with its 95 % percentile bootstrap interval; None where there is none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Correlations(NamedTuple):
    """Pearson's and Spearman's correlation, and of how many pairs and queries they are."""

    pearson: Estimate = Estimate()
    spearman: Estimate = Estimate()
    n_pairs: int = 0
    n_queries: int = 0
    n_left_out: int = 0
    """Queries without a correlation of their own: one passage, or logits that do not differ."""


def of_all_pairs(
    predicted: np.ndarray, logits: np.ndarray, queries: np.ndarray, replicates: int, seed: int
) -> Correlations:
    """Correlations over all held-out pairs.

    ``predicted``: shape (n_draws, n_pairs), NaN for pairs that are not held out; ``logits`` and
    ``queries`` (numbers): shape (n_pairs,). The value is the mean over draws. Every replicate draws
    queries with all of their pairs, and takes one of the draws, each as often: where a single
    random set of heads may lie, not the mean of many. A draw that predicts the same of all counts
    as 0; where all draws do, or the logits are the same, the correlations are None.
    """
    held = np.isfinite(predicted).all(axis=0)
    x, y = predicted[:, held], logits[held]
    _, own = np.unique(queries[held], return_inverse=True)
    n_queries = int(own.max()) + 1 if len(own) else 0
    found = [
        _estimate(correlate, x, y, own, replicates, seed)
        for correlate in (weighted_pearson, weighted_spearman)
    ]
    return Correlations(*found, n_pairs=int(held.sum()), n_queries=n_queries)


def within_queries(
    predicted: np.ndarray, logits: np.ndarray, queries: np.ndarray, replicates: int, seed: int
) -> Correlations:
    """Means over queries of the correlation over a query's held-out pairs.

    Arguments and draws as in ``of_all_pairs``. Left out are queries with one pair, and those whose
    logits are all the same. A query whose predictions are the same in a draw counts as 0 there;
    where all are in all draws, the correlations are None.
    """
    held = np.isfinite(predicted).all(axis=0)
    own = [np.flatnonzero(held & (queries == query)) for query in np.unique(queries[held])]
    found, kept = [], []
    for correlate in (weighted_pearson, weighted_spearman):
        each = [[correlate(one[rows], logits[rows])[0] for rows in own] for one in predicted]
        each = np.array(each).reshape(len(predicted), len(own))
        kept = np.isfinite(each).all(axis=0)
        says = any(_differ(one[rows]) for one in predicted for rows in own)
        found.append(mean_over_queries(each[:, kept], replicates, seed) if says else Estimate())
    n_pairs = sum(len(rows) for rows, is_kept in zip(own, kept, strict=True) if is_kept)
    return Correlations(*found, n_pairs, int(np.sum(kept)), len(own) - int(np.sum(kept)))


def mean_over_queries(values: np.ndarray, replicates: int, seed: int) -> Estimate:
    """Mean of ``values``, shape (n_draws, n_queries), over both; draws as in ``of_all_pairs``."""
    n_draws, n_queries = values.shape
    if not values.size:
        return Estimate()
    if n_queries < 2:
        return Estimate(float(values.mean()))
    blocks = _resamples(n_draws, n_queries, n_queries, replicates, seed)
    means = np.concatenate([counts @ values[draw] for draw, counts in blocks]) / n_queries
    (low,), (high,) = bounds(means[:, None])
    return Estimate(float(values.mean()), low, high)


def weighted_pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Pearson's correlation by each row of ``weights`` (n_rows, n), shape (n_rows,).

    ``x`` and ``y``: shape (n,), or (n_rows, n) with values of each row's own. Without weights there
    is one row, in which all weigh 1. NaN where y does not differ, and 0 where only x, a prediction,
    does not: it says nothing.
    """
    rows = np.ones((1, x.shape[-1])) if weights is None else weights
    total = rows.sum(axis=1, keepdims=True)
    centred = [one - (rows * one).sum(axis=1, keepdims=True) / total for one in (x, y)]
    squares = [(rows * one**2).sum(axis=1) for one in centred]
    # Of what does not differ rounding alone is left, and would be correlated.
    is_same = [
        square <= total[:, 0] * (_ROUNDING * np.abs(one).max(axis=-1, initial=0)) ** 2
        for square, one in zip(squares, (x, y), strict=True)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (rows * centred[0] * centred[1]).sum(axis=1) / np.sqrt(squares[0] * squares[1])
    return np.where(is_same[1], np.nan, np.where(is_same[0], 0.0, found.clip(-1, 1)))


def weighted_spearman(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """As ``weighted_pearson``, of the ranks that values (n,) have among as many as weights say."""
    rows = np.ones((1, len(x))) if weights is None else weights
    return weighted_pearson(_ranks(x, rows), _ranks(y, rows), rows)


def _differ(values: np.ndarray) -> bool:
    """Whether numbers, shape (n,), differ by more than rounding."""
    return bool(len(values)) and np.ptp(values) > _ROUNDING * np.abs(values).max()


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean ranks in each row: shape (n_rows, n); a value of weight w is there w times."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks = np.cumsum(sizes, axis=1) - sizes + (sizes + 1) / 2
    return ranks[:, group]


def _estimate(
    correlate: Callable, x: np.ndarray, y: np.ndarray, own: np.ndarray, replicates: int, seed: int
) -> Estimate:
    """``x``: shape (n_draws, n_pairs); ``own``: the number of each pair's query."""
    if not any(_differ(one) for one in x):
        return Estimate()
    values = np.array([correlate(one, y)[0] for one in x])
    if np.isnan(values).any():
        return Estimate()
    n_queries = int(own.max()) + 1
    if n_queries < 2:
        return Estimate(float(values.mean()))
    blocks = _resamples(len(x), n_queries, len(y), replicates, seed)
    found = np.concatenate([correlate(x[draw], y, counts[:, own]) for draw, counts in blocks])
    found = found[
        np.isfinite(found)
    ]  # not where a single query was drawn, in which nothing differs
    if not len(found):
        return Estimate(float(values.mean()))
    (low,), (high,) = bounds(found[:, None])
    return Estimate(float(values.mean()), low, high)


def _resamples(
    n_draws: int, n_queries: int, n_values: int, replicates: int, seed: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield a draw and how often each query is drawn (n_rows, n_queries), ``replicates`` rows.

    ``n_values``: of a row in what is made of them, which bounds the rows at a time.
    """
    rng = np.random.default_rng(seed)
    at_once = max(1, _VALUES_AT_ONCE // n_values)
    for draw, own in enumerate(np.array_split(np.arange(replicates), n_draws)):
        for start in range(0, len(own), at_once):
            size = min(at_once, len(own) - start)
            counts = rng.multinomial(n_queries, np.full(n_queries, 1 / n_queries), size=size)
            yield draw, counts.astype(np.float64)
