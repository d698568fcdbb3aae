"""One test over the queries of several collections, which count alike."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from statsmodels.regression.linear_model import OLS

from relevance_neurons.statistics.bootstrap import resampled_means
from relevance_neurons.statistics.rounding import ROUNDING

logger = logging.getLogger(__name__)


class Stratified(NamedTuple):
    """A two-sided p-value, the standard error of the mean, and its degrees of freedom."""

    p_value: float | None
    error: float | None
    freedom: int


def stratified_test(differences: Sequence[np.ndarray], where: str) -> Stratified:
    """Is the mean over collections of their mean difference 0?

    ``differences``: of each collection, shape (queries,). Ordinary least squares of the differences
    on a dummy of each collection, and a t-test of the mean of their coefficients with the variances
    of HC3 (MacKinnon and White 1985): collections may differ in size and in variance. A collection
    of a single query has no variance: no p-value. Equal differences of all queries of each
    collection: 1 where there are none, else 0, as in ``paired_p``; they give no error.

    Of three collections of 25 queries without an effect it calls 4.4 % one at .05 where differences
    are normal, 4.8 to 8.6 % where they are skewed as losses are (simulated). Of the latter at most
    0.7 % are called a loss: a mean that is low by chance has a large error.
    """
    sizes = [len(one) for one in differences]
    freedom = sum(sizes) - len(sizes)
    if min(sizes) < 2:
        # Way out: nothing need be done; its p-values are empty. More queries are needed for them:
        # ablation.max_queries, or more judgments.
        logger.warning("%s: no test over collections, found one of 1 query, needs 2", where)
        return Stratified(None, None, freedom)
    if all(np.ptp(one) < ROUNDING for one in differences):
        nothing = abs(np.mean([one.mean() for one in differences])) < ROUNDING
        return Stratified(float(nothing), None, freedom)
    dummies = np.repeat(np.eye(len(sizes)), sizes, axis=0)
    fitted = OLS(np.concatenate(differences), dummies).fit(cov_type="HC3", use_t=True)
    found = fitted.t_test(np.full((1, len(sizes)), 1 / len(sizes)))
    return Stratified(float(np.squeeze(found.pvalue)), float(np.squeeze(found.sd)), freedom)


def stratified_means(
    values: Sequence[np.ndarray], rngs: Sequence[np.random.Generator], replicates: int
) -> np.ndarray:
    """Means over collections of their resampled means, shape (replicates, rows).

    ``values``: of each collection the same rows, shape (rows, queries); queries are drawn within
    each by its own generator.
    """
    total = np.zeros((replicates, len(values[0])))
    for one, rng in zip(values, rngs, strict=True):
        total = total + resampled_means(one, rng, replicates)
    return np.asarray(total / len(values))
