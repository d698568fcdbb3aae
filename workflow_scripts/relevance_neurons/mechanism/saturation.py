"""BM25's saturation curve, fitted to attention: does a head count words as BM25 does?

A = floor + height · tf · (k1 + 1) / (tf + k1 · (1 − b + b · length)), with length in mean lengths
(Robertson and Zaragoza 2009); ``height`` is the rise at one occurrence in a passage of mean length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

K1_MOST = 100.0
"""A fitted k1 there says: as good as no saturation."""
STARTS = ((1.2, 0.5), (0.1, 0.1), (10.0, 0.9))


class Points(NamedTuple):
    """Means of attention at a count and a length, each of shape (n_points,).

    ``length``: of the passage, in mean lengths. ``weights``: on how many words each is a mean.
    """

    tf: np.ndarray
    length: np.ndarray
    weights: np.ndarray


class Fit(NamedTuple):
    """The curve's parameters; None where none could be found."""

    k1: float | None
    b: float | None
    height: float | None
    floor: float | None


NO_FIT = Fit(None, None, None, None)


def curve(points: Points, k1: float, b: float, height: float, floor: float = 0.0) -> np.ndarray:
    """The formula above, at each point."""
    return floor + height * _risen(points, k1, b)


def fit_curve(
    points: Points,
    means: np.ndarray,
    with_floor: bool,
    starts: Sequence[tuple[float, float]] = STARTS,
) -> Fit:
    """Least squares over the words behind ``means``, shape (n_points,), with the bounds of BM25.

    k1 from 0 to ``K1_MOST``, b from 0 to 1, height and floor from 0. Without ``with_floor`` the
    floor is 0. The best of the fits from some ``starts`` (k1, b). None where no fit converges, and
    where tf does not vary between points (or takes fewer values than are needed) or nothing rises:
    no curve could be told from another.
    """
    if not _can_fit(points, means, with_floor):
        return NO_FIT
    best, least = None, np.inf
    for k1, b in starts:
        found = _search(points, means, [k1, b, *_linear(points, means, k1, b, with_floor)])
        loss = np.inf if found is None else _squares(means - curve(points, *found), points.weights)
        if loss < least * (1 - 1e-9):
            best, least = found, loss
    if best is None or best[2] <= 1e-9 * np.abs(means).max():
        return NO_FIT
    return Fit(*map(float, best[:3]), float(best[3]) if with_floor else 0.0)


def r_squared(points: Points, means: np.ndarray, squares: float, fit: Fit) -> float | None:
    """1 − unexplained / all variance, over the words behind ``means``.

    ``squares``: the sum of their squared attention. None without a fit or without variance.
    """
    n = points.weights.sum()
    within = squares - _squares(means, points.weights)
    mean = (points.weights * means).sum() / n
    varied = squares - n * mean**2
    if fit.k1 is None or varied <= 1e-12 * max(squares, 1e-300):
        return None
    off = _squares(means - curve(points, *fit), points.weights)
    return float(1 - (off + max(within, 0.0)) / varied)


def _can_fit(points: Points, means: np.ndarray, with_floor: bool) -> bool:
    counts = np.unique(points.tf)
    enough = len(means) > 3 + with_floor and len(counts) >= 2 + with_floor
    return enough and np.isfinite(means).all() and np.ptp(means) > 1e-9 * np.abs(means).max() > 0


def _risen(points: Points, k1: float, b: float) -> np.ndarray:
    norm = points.tf + k1 * (1 - b + b * points.length)
    top = points.tf * (k1 + 1)
    return np.divide(top, norm, out=np.zeros_like(top), where=norm > 0)


def _search(points: Points, means: np.ndarray, start: list[float]) -> np.ndarray | None:
    """The parameters of the least squares near ``start``; None where it does not converge."""
    from scipy.optimize import curve_fit

    most = [K1_MOST, 1.0, np.inf, np.inf][: len(start)]
    try:
        return curve_fit(
            lambda _, *own: curve(points, *own),
            points.tf,
            means,
            start,
            1 / np.sqrt(points.weights),
            bounds=([0.0] * len(start), most),
            jac=lambda _, *own: _slopes(points, *own),
        )[0]
    except RuntimeError:
        return None


def _linear(
    points: Points, means: np.ndarray, k1: float, b: float, with_floor: bool
) -> list[float]:
    """height (and floor) of the least squares at some k1 and b, kept off their bounds."""
    root = np.sqrt(points.weights)
    columns = [_risen(points, k1, b)] + [np.ones_like(means)] * with_floor
    design = np.stack(columns, axis=1) * root[:, None]
    found = np.linalg.lstsq(design, means * root, rcond=None)[0]
    return np.maximum(found, 1e-6 * np.abs(means).max()).tolist()


def _slopes(
    points: Points, k1: float, b: float, height: float, floor: float | None = None
) -> np.ndarray:
    """By k1, b, height (and floor): shape (n_points, 3 or 4)."""
    norm = points.tf + k1 * (1 - b + b * points.length)
    norm = np.where(norm > 0, norm, 1.0)
    tf, scale = points.tf, 1 - b + b * points.length
    by_k1 = height * tf * (norm - (k1 + 1) * scale) / norm**2
    by_b = -height * tf * (k1 + 1) * k1 * (points.length - 1) / norm**2
    columns = [by_k1, by_b, _risen(points, k1, b)]
    return np.stack(columns + [np.ones_like(tf)] * (floor is not None), axis=1)


def _squares(values: np.ndarray, weights: np.ndarray) -> float:
    return float((weights * values**2).sum())
