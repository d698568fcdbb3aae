"""BM25 with k1 and b fitted to the ranker's logits on the training folds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold

from relevance_neurons.mechanism.semantic_bm25.features import Pairs, Words
from relevance_neurons.mechanism.semantic_bm25.regression import in_form

K1_BOUNDS = (0.01, 100.0)
"""A fitted k1 at one of these says: no saturation, or nothing but presence."""
_LOG_K1, _B = np.log(np.geomspace(0.1, 10, 9)), np.linspace(0, 1, 5)
_SAME = 1e-9
"""Shares of variance that differ by less are the same, but for rounding."""


class FittedBm25(NamedTuple):
    """Predictions of held-out pairs, shape (n_pairs,), and the mean of k1 and b over the folds."""

    predicted: np.ndarray
    k1: float | None
    b: float | None


def bm25_scores(words: Words, k1: float, b: float, n_pairs: int) -> np.ndarray:
    """Σ idf · tf · (k1 + 1) / (tf + k1 · (1 − b + b · length)) of each pair, shape (n_pairs,).

    Robertson and Zaragoza (2009), over the distinct words of the query.
    """
    norm = words.tf + k1 * (1 - b + b * words.length)
    return np.bincount(words.pair, words.idf * words.tf * (k1 + 1) / norm, minlength=n_pairs)


def held_out_bm25(words: Words, pairs: Pairs, folds: GroupKFold, form: str) -> FittedBm25:
    """Of each fold, by k1, b and a linear map that have the least squares on the others.

    k1 (or b) is None where it makes no difference to the fit in any fold. Passages of one length
    are taken for as long as the mean: b makes no difference then. Where BM25 says nothing of any
    training pairs (all have one score, or logits fall with it whatever k1 and b: turned round it
    would be BM25 by name alone) both are None, and all predictions 0.
    """
    if len(words.length) and np.ptp(words.length) == 0:  # b would only rescale k1
        words = words._replace(length=np.ones(len(words.length)))
    y, n_pairs = in_form(pairs.logits, pairs.queries, form), len(pairs.logits)
    predicted, fits = np.zeros(n_pairs), []
    for fitted, tested in folds.split(y, groups=pairs.queries):
        found = _fit(_Loss(words, pairs.queries, y, fitted, form))
        if found is None:
            predicted[tested] = y[fitted].mean()
            continue
        fits.append(found)
        x = in_form(bm25_scores(words, found.k1, found.b, n_pairs), pairs.queries, form)[:, None]
        line = LinearRegression(fit_intercept=form == "pointwise").fit(x[fitted], y[fitted])
        predicted[tested] = line.predict(x[tested])
    if not fits:  # the folds' means differ, but say nothing
        return FittedBm25(np.zeros(n_pairs), None, None)
    k1s = [fit.k1 for fit in fits if fit.has_k1]
    bs = [fit.b for fit in fits if fit.has_b]
    return FittedBm25(predicted, *(float(np.mean(one)) if one else None for one in (k1s, bs)))


class _Fit(NamedTuple):
    """k1 and b, and whether either makes a difference."""

    k1: float
    b: float
    has_k1: bool
    has_b: bool


class _Loss(NamedTuple):
    """The share of the variance of ``y`` on the training pairs that BM25 leaves unexplained.

    1 where y does not grow with it.
    """

    words: Words
    queries: np.ndarray
    y: np.ndarray
    fitted: np.ndarray
    form: str

    def __call__(self, log_k1_and_b: np.ndarray) -> float:
        scores = bm25_scores(self.words, np.exp(log_k1_and_b[0]), log_k1_and_b[1], len(self.y))
        x, y = in_form(scores, self.queries, self.form)[self.fitted], self.y[self.fitted]
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            return 1.0
        return 1.0 - max(np.corrcoef(x, y)[0, 1], 0.0) ** 2


def _fit(loss: _Loss) -> _Fit | None:
    """k1 and b of the least squares: the best of a grid, then a search from there."""
    losses = np.array([[loss((log_k1, b)) for b in _B] for log_k1 in _LOG_K1])
    if losses.min() == 1.0:
        return None
    row, column = np.unravel_index(losses.argmin(), losses.shape)
    start = (_LOG_K1[row], _B[column])
    bounds = (tuple(np.log(K1_BOUNDS)), (0.0, 1.0))
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds)
    log_k1, b = found.x if found.fun < losses.min() else start
    makes = [bool(np.ptp(one) > _SAME) for one in (losses[:, column], losses[row])]
    return _Fit(float(np.exp(log_k1)), float(b), *makes)
