"""Two rankers on the same queries: how much they differ, whether they do, whether they do not."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

import numpy as np
from scipy.stats import t, ttest_rel
from statsmodels.stats.weightstats import ttost_paired

from relevance_neurons.statistics.bootstrap import CONFIDENCE, bounds
from relevance_neurons.statistics.rounding import ROUNDING

logger = logging.getLogger(__name__)

FEWEST_DRAWS = 3
"""Draws below which their spread is not worth a t-test."""
FEWEST_QUERIES = 10
"""Queries below which differences without variance show nothing; see ``equivalence_p``."""
Bounds = Sequence[float | None]


def difference_percent(original: np.ndarray, pruned: np.ndarray) -> float | None:
    """100 (mean pruned - mean original) / mean original, or None where that is undefined."""
    if original.mean() == 0:
        return None
    return float(100 * (pruned.mean() - original.mean()) / original.mean())


def attainable_percent(original: np.ndarray, pruned: np.ndarray, floor: np.ndarray) -> float | None:
    """100 (mean pruned - mean original) / (mean original - mean floor).

    None where the original ranker is no better than the floor: there is nothing to lose. Where it
    is little better the ratio is of no use; ``attainable_bounds`` tells where.
    """
    attainable = original.mean() - floor.mean()
    if attainable < ROUNDING:
        return None
    return float(100 * (pruned.mean() - original.mean()) / attainable)


def paired_p(original: np.ndarray, pruned: np.ndarray, where: str) -> float | None:
    """Two-tailed paired t-test; 1 where every query has the same value under both rankers."""
    if len(original) < 2:
        # Way out: nothing need be done; its p-values are empty. More queries are needed for them:
        # ablation.max_queries, or more judgments.
        logger.warning("%s: no t-test, found %d query, needs 2", where, len(original))
        return None
    if np.all(np.abs(pruned - original) < ROUNDING):
        return 1.0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # equal differences: t is infinite and p is 0, rightly
        return float(ttest_rel(pruned, original).pvalue)


def equivalence_p(original: np.ndarray, pruned: np.ndarray, margin: float) -> float | None:
    """Two one-sided paired t-tests (Schuirmann 1987): is the mean difference within +- ``margin``?

    The larger of both p-values; None below two queries or without a margin. Of several draws that
    are averaged per query this is about their mean, and says nothing of a single draw.

    The t-test takes its error from the variance. Differences that are all equal have none, and
    those of which one alone is not 0 next to none, however few they are: where a ranking measure
    moves on a quarter of all queries, 5 queries in which nothing moves are no rare sight
    (0.75^5 = 24 %). Below ``FEWEST_QUERIES`` such differences give None, undecided; from there on
    equal ones give the limit of the test, 0 within the margin and 1 elsewhere.
    """
    n = len(original)
    if n < 2 or margin <= 0:
        return None
    differences = pruned - original
    equal = np.ptp(differences) < ROUNDING
    if n < FEWEST_QUERIES and (equal or np.sum(np.abs(differences) > ROUNDING) < 2):
        return None
    if equal:
        return float(abs(differences.mean()) >= margin)
    return float(ttost_paired(pruned, original, -margin, margin)[0])


def empirical_p(observed: float, draws: np.ndarray) -> float:
    """(1 + #{draws as low as ``observed``}) / (draws + 1); ``draws``: a mean each, shape (n,)."""
    return (1 + int(np.sum(draws <= observed + ROUNDING))) / (len(draws) + 1)


def as_one_more_draw_p(observed: float, draws: np.ndarray) -> float | None:
    """Is ``observed`` lower than one more draw would be? One-sided t-test; ``draws``: shape (n,).

    t = (mean draw - observed) / (standard deviation of the draws · sqrt(1 + 1 / n)), n - 1 degrees
    of freedom: the prediction interval of a normal sample. It uses how far below the draws the
    value lies, where ``empirical_p`` cannot fall below 1 / (n + 1); for that it takes the draws'
    means for normal. They are not where a few random sets hold a strong neuron: of 5 draws like the
    observed one, at .05, 6 % are called lower where draws differ by their queries alone (75, skewed
    differences), 10 % where one set in ten is six times as strong as the others, 12 % where
    strengths are lognormal (simulated); ``empirical_p`` keeps its level. None of fewer than
    ``FEWEST_DRAWS``, or of draws that do not differ at all.
    """
    n = len(draws)
    if n < FEWEST_DRAWS or np.ptp(draws) < ROUNDING:
        return None
    error = draws.std(ddof=1) * np.sqrt(1 + 1 / n)
    return float(t.sf((draws.mean() - observed) / error, n - 1))


def standard_error(original: np.ndarray, pruned: np.ndarray) -> float | None:
    """Of the mean paired difference; None below two queries or of equal differences."""
    differences = pruned - original
    if len(differences) < 2 or np.ptp(differences) < ROUNDING:
        return None
    return float(differences.std(ddof=1) / np.sqrt(len(differences)))


def difference_bounds(means: np.ndarray) -> tuple[Bounds, Bounds]:
    """Interval of ``difference_percent`` from replicated means.

    ``means``, shape (replicates, 2 + ablations): of original, floor and every ablation.
    """
    means = means[means[:, 0] > 0]  # a replicate of unanswered queries only has no ratio
    if not len(means):
        return _nothing(means)
    return bounds(100 * (means[:, 2:] / means[:, :1] - 1))


def attainable_bounds(means: np.ndarray) -> tuple[Bounds, Bounds]:
    """Interval of ``attainable_percent``; ``means`` as in ``difference_bounds``.

    Replicates in which the original is not above the floor have no ratio; with more than 5 % of
    such, what can be lost is itself uncertain: no interval, and no ``attainable_percent`` either.
    """
    attainable = means[:, 0] - means[:, 1]
    above = attainable > ROUNDING
    if not above.any() or above.mean() < CONFIDENCE:
        return _nothing(means)
    lost = means[above, 2:] - means[above, :1]
    return bounds(100 * lost / attainable[above, None])


def _nothing(means: np.ndarray) -> tuple[Bounds, Bounds]:
    nothing: Bounds = [None] * (means.shape[1] - 2)
    return nothing, nothing
