"""Ordinary least squares, and what it predicts of pairs that it was not fitted on."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold, cross_val_predict, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from relevance_neurons.mechanism.semantic_bm25.features import Pairs

FORMS = ("pointwise", "pairwise")
"""Whether logits are regressed, or their differences between passages of the same query."""
TEST_SHARE = 0.2
"""Of the pairs, held out by ``legacy`` (METHOD, section 4)."""


def folds_by_query(pairs: Pairs, n_folds: int) -> GroupKFold | None:
    """Folds of whole queries, no more than there are queries; None where there is one query."""
    n_folds = min(n_folds, pairs.n_queries)
    return GroupKFold(n_folds) if n_folds > 1 else None


def in_form(values: np.ndarray, queries: np.ndarray, form: str) -> np.ndarray:
    """``values``, shape (n_pairs, …), of ``pairwise`` less their mean over the query's pairs.

    Least squares on these without an intercept are those on the differences of all pairs of
    passages of a query, each weighed by one over the query's number of passages.
    """
    if form == "pointwise":
        return values
    found = np.empty_like(values)
    for query in np.unique(queries):
        own = values[queries == query]
        # What does not differ is exactly 0: its rounding would be scaled up to a feature.
        found[queries == query] = np.where(np.ptp(own, axis=0) == 0, 0.0, own - own.mean(axis=0))
    return found


def held_out(features: np.ndarray, pairs: Pairs, folds: GroupKFold, form: str) -> np.ndarray:
    """Predicted logit of each pair (pairwise: less its query's mean) by the other folds' fit.

    ``features``: shape (n_pairs, n_features); standardised by the training folds. With fewer pairs
    than features, or collinear ones, the coefficients are those of the smallest norm.
    """
    x, y = (in_form(one, pairs.queries, form) for one in (features, pairs.logits))
    return cross_val_predict(_least_squares(form), x, y, groups=pairs.queries, cv=folds)


def held_out_legacy(features: np.ndarray, pairs: Pairs, form: str, seed: int) -> np.ndarray:
    """As the published code: standardised on all pairs, then a fifth of them held out.

    A query's passages lie on both sides. NaN for the pairs that are not held out.
    """
    x, y = (in_form(one, pairs.queries, form) for one in (features, pairs.logits))
    x = StandardScaler(with_mean=form == "pointwise").fit_transform(x)
    rows = np.arange(len(y))
    fitted, tested = train_test_split(rows, test_size=TEST_SHARE, random_state=seed)
    line = LinearRegression(fit_intercept=form == "pointwise").fit(x[fitted], y[fitted])
    predicted = np.full(len(y), np.nan)
    predicted[tested] = line.predict(x[tested])
    return predicted


def _least_squares(form: str) -> Pipeline:
    is_pointwise = form == "pointwise"
    return make_pipeline(
        StandardScaler(with_mean=is_pointwise), LinearRegression(fit_intercept=is_pointwise)
    )
