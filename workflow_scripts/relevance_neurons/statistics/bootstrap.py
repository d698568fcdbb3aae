"""Percentile bootstrap: intervals of means, and of what is computed from means."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95

_COUNTS_AT_ONCE = 4_000_000


class Interval(NamedTuple):
    """A mean and its percentile bootstrap interval; the bounds are None below two values."""

    mean: float
    low: float | None
    high: float | None


def mean_interval(
    values: np.ndarray,
    confidence: float = CONFIDENCE,
    replicates: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Mean of ``values``, shape (n,), with a percentile bootstrap interval.

    Raises ``ValueError`` without values; with one value the bounds are None.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values: shape {values.shape}, expected (n,) with n > 0")
    if len(values) < 2:
        return Interval(float(values[0]), None, None)
    rng = np.random.default_rng(seed)
    low, high = bounds(resampled_means(values[None], rng, replicates), confidence)
    return Interval(float(values.mean()), low[0], high[0])


def resampled_means(values: np.ndarray, rng: np.random.Generator, replicates: int) -> np.ndarray:
    """Means of the rows of ``values``, shape (rows, n), in every replicate: (replicates, rows).

    How often each of the n units is drawn is multinomial; all rows share the counts.
    """
    n = values.shape[1]
    block = max(1, _COUNTS_AT_ONCE // n)
    return np.vstack(
        [
            rng.multinomial(n, np.full(n, 1 / n), size=min(block, replicates - start)) @ values.T
            for start in range(0, replicates, block)
        ]
    ) / float(n)


def bounds(
    replicated: np.ndarray, confidence: float = CONFIDENCE
) -> tuple[list[float], list[float]]:
    """Low and high bound of each column of ``replicated``, shape (replicates, columns)."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(replicated, [tail, 1 - tail], axis=0)
    return low.tolist(), high.tolist()
