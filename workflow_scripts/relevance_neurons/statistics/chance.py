"""What independent random sets of neurons share: its exact distribution, beside every overlap."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

CONFIDENCE = 0.95
SMALLEST_P = 1e-12
"""Less than this is left out of the distributions: a smaller p-value is given as this bound."""

_TRIMMED = 1e-15


def with_chance(overlaps: pl.DataFrame, confidence: float = CONFIDENCE) -> pl.DataFrame:
    """Add what chance would share: expected_low, expected_high (percent) and p_value_chance.

    ``overlaps``: n_neurons (of a map), n_selected (in the top of each), n_maps (compared) and
    n_shared, among other columns. The interval is central, at least ``confidence`` wide; the
    p-value is that of as many shared neurons or more, were the tops independent random sets of
    neurons (one-sided; at least ``SMALLEST_P``). Nothing is said of where neurons lie: tops that
    prefer the same layers share more than this without agreeing on neurons.
    """
    keys = overlaps.select("n_neurons", "n_selected", "n_maps", "n_shared").iter_rows()
    rows = [
        (*interval(n, m, k, confidence), p_value(n, m, k, observed)) for n, m, k, observed in keys
    ]
    names = ["expected_low", "expected_high", "p_value_chance"]
    schema = dict.fromkeys(names, pl.Float64)
    percent = 100 / pl.col("n_selected")
    return overlaps.hstack(pl.DataFrame(rows, schema=schema, orient="row")).with_columns(
        pl.col("expected_low", "expected_high") * percent
    )


def interval(n: int, m: int, k: int, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """The central interval of the size of the intersection of ``k`` random ``m``-subsets of ``n``.

    Its ends are the quantiles at (1 - confidence) / 2 and 1 - that.
    """
    return _central(*intersection_sizes(n, m, k), confidence)


def p_value(n: int, m: int, k: int, observed: int) -> float:
    """P(size >= ``observed``) of the intersection of ``k`` random ``m``-subsets of ``n``."""
    return _at_least(*intersection_sizes(n, m, k), observed)


def pair_interval(n: int, one: int, other: int, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """As ``interval``, of two random subsets of ``n`` of different sizes, ``one`` and ``other``."""
    return _central(*_shared_by_two(n, one, other), confidence)


def pair_p_value(n: int, one: int, other: int, observed: int) -> float:
    """As ``p_value``, of two random subsets of ``n`` of different sizes, ``one`` and ``other``."""
    return _at_least(*_shared_by_two(n, one, other), observed)


def _central(first: int, probabilities: np.ndarray, confidence: float) -> tuple[int, int]:
    """The central interval of a distribution of ``first``, ``first`` + 1, …"""
    below = np.cumsum(probabilities)
    tail = (1 - confidence) / 2
    low, high = np.searchsorted(below, [tail, 1 - tail])
    return first + int(low), first + int(high)


def _at_least(first: int, probabilities: np.ndarray, observed: int) -> float:
    """P(``observed`` or more) by a distribution of ``first``, ``first`` + 1, …"""
    at_least = probabilities[max(0, observed - first) :].sum()
    return float(np.clip(at_least, SMALLEST_P, 1))


def _shared_by_two(n: int, one: int, other: int) -> tuple[int, np.ndarray]:
    """As ``intersection_sizes``, of a subset of ``one`` and another of ``other`` elements."""
    if not (0 < one <= n and 0 < other <= n):
        raise ValueError(f"n {n}, one {one}, other {other}: expected 0 < one, other <= n")
    low, high = _support(n, other, one)
    sizes = np.arange(low, high + 1)
    probabilities = _hypergeometric(sizes, n, np.array(one), other)
    return low, probabilities / probabilities.sum()


@cache
def intersection_sizes(n: int, m: int, k: int) -> tuple[int, np.ndarray]:
    """The distribution of the size of the intersection of ``k`` random ``m``-subsets of ``n``.

    Returns the smallest size s and the probabilities of s, s + 1, ... (both tails without at most
    about 1e-14). One more subset keeps a hypergeometric number of the s neurons that the others
    share: P(t) = sum over s of P(s) Hypergeometric(t; n, s, m). Raises ``ValueError`` unless
    k >= 1 and 0 < m <= n.
    """
    if k < 1 or not 0 < m <= n:
        raise ValueError(f"n {n}, m {m}, k {k}: expected k >= 1 and 0 < m <= n")
    if k == 1:
        return m, np.ones(1)
    first, probabilities = intersection_sizes(n, m, k - 1)
    sizes = np.arange(first, first + len(probabilities))
    low, high = _support(n, m, first)[0], _support(n, m, sizes[-1])[1]
    kept = np.arange(low, high + 1)
    joint = probabilities @ _hypergeometric(kept, n, sizes[:, None], m)
    inside = (np.cumsum(joint) > _TRIMMED) & (np.cumsum(joint[::-1])[::-1] > _TRIMMED)
    (places,) = np.nonzero(inside)
    kept = joint[places[0] : places[-1] + 1]
    return low + int(places[0]), kept / kept.sum()  # undoes the rounding of the many summands


def _hypergeometric(t: np.ndarray, n: int, size: np.ndarray, m: int) -> np.ndarray:
    """P(t of ``size`` among n are in a random m-subset), as scipy.stats.hypergeom.pmf gives it.

    That takes minutes where n is below the 10,000th prime: Boost then multiplies prime factors.
    """
    logs = _log_factorials(n)

    def choose(all_of: np.ndarray, some: np.ndarray) -> np.ndarray:
        possible = (some >= 0) & (some <= all_of)
        of = np.clip(some, 0, all_of)
        return np.where(possible, logs[all_of] - logs[of] - logs[all_of - of], -np.inf)

    logarithm = choose(size, t) + choose(n - size, m - t) - choose(np.array(n), np.array(m))
    return np.exp(logarithm).astype(np.float64)


@cache
def _log_factorials(n: int) -> np.ndarray:
    """log 0!, log 1!, ..., log n!, in the longest floats: their differences matter."""
    return np.cumsum(np.log(np.maximum(np.arange(n + 1), 1).astype(np.longdouble)))


def _support(n: int, m: int, size: int) -> tuple[int, int]:
    """Where all but 1e-16 of Hypergeometric(n, size, m) is.

    By Bernstein's inequality, P(|t - mean| > x) <= 2 exp(-x² / (2 (variance + x / 3))).
    """
    share = m / n
    deviation = np.sqrt(size * share * (1 - share))  # at least the hypergeometric one
    width = 9 * deviation + 20
    low = max(0, size + m - n, int(np.floor(size * share - width)))
    return low, min(size, m, int(np.ceil(size * share + width)))
