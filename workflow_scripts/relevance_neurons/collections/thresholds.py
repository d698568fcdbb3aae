"""The probability from which on a ranker says "relevant", where 0.5 does not tell.

Rankers trained on margins or lists have no zero point: only differences of their scores mean
something. Judged pairs of both labels tell where it lies.
"""

from __future__ import annotations

import logging

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError

logger = logging.getLogger(__name__)

NO_ZERO_POINT = (
    "a ranker trained on margins or lists has no zero point there: attribution.threshold: auto "
    "finds one (with target: margin, as such probabilities saturate), keep: all does without"
)
"""What to do about scores that are all on one side."""
AUTO = "auto"
PAPER = 0.5
"""The paper's threshold: the label with the higher probability is the prediction."""
_FOLDS = 5
_ONE_SIDED = 0.95
_SMALLEST = 1e-300


def cross_fitted(
    pairs: pl.DataFrame, queries: pl.Series, seed: int, collection: str
) -> pl.DataFrame:
    """A threshold for each of ``queries`` (query_id, threshold), fitted on the pairs of others.

    ``pairs``: query_id, label, p_relevant, of both labels. The queries are put in five folds at
    random; those of a fold get the threshold that tells the labels of the other folds' pairs apart
    best (``best_threshold``), so that no pair decides on itself. Raises ``UserError``, naming
    ``collection``, where the other folds lack a label.
    """
    names = queries.unique().sort()
    n_folds = min(_FOLDS, len(names))
    folds = np.random.default_rng(seed).permutation(len(names)) % max(1, n_folds)
    assigned = pl.DataFrame({"query_id": names, "fold": folds})
    known = pairs.drop_nans("p_relevant").join(assigned, on="query_id")
    found = []
    for fold in range(n_folds):
        others = known.filter(pl.col("fold") != fold)
        relevant, not_relevant = (
            others.filter(label=label)["p_relevant"].to_numpy()
            for label in ("relevant", "non_relevant")
        )
        if not len(relevant) or not len(not_relevant):
            raise UserError(
                f"collection {collection}: attribution.threshold: auto needs judged pairs of both "
                "labels from several queries; give a number (another collection's pairs table "
                "tells one), or keep: all"
            )
        found.append(best_threshold(relevant, not_relevant))
    thresholds = assigned.select("query_id", threshold=pl.Series(np.array(found)[folds]))
    _tell(known.join(thresholds, on="query_id"), found, collection)
    return thresholds


def best_threshold(relevant: np.ndarray, non_relevant: np.ndarray) -> float:
    """The probability that tells ``relevant`` from ``non_relevant`` ones best, in (0, 1).

    The shares of relevant pairs above and of non-relevant ones below it have the largest sum
    (Youden's J). Of neighbouring pairs' probabilities it is the middle, on the scale of log-odds;
    of several best places the middle one. Shapes (n,) and (m,), in [0, 1].
    """
    odds = _log_odds(np.unique(np.concatenate([relevant, non_relevant])))
    cuts = np.concatenate([[odds[0] - 1], (odds[1:] + odds[:-1]) / 2, [odds[-1] + 1]])
    above = 1 - np.searchsorted(np.sort(_log_odds(relevant)), cuts) / len(relevant)
    below = np.searchsorted(np.sort(_log_odds(non_relevant)), cuts) / len(non_relevant)
    gained = above + below
    best = cuts[np.isclose(gained, gained.max(), rtol=0, atol=1e-12)]
    return float(1 / (1 + np.exp(-best[(len(best) - 1) // 2])))


def warn_if_one_sided(pairs: pl.DataFrame, collection: str) -> None:
    """Say in the log where nearly all pairs (label, p_relevant, threshold) lie on one side."""
    above = pairs.group_by("label").agg((pl.col("p_relevant") > pl.col("threshold")).mean())
    share = above["p_relevant"].mean()
    if len(above) == 2 and not 1 - _ONE_SIDED < share < _ONE_SIDED:
        side = "above" if share > 0.5 else "below"
        logger.warning(
            "%s: p(relevant) of nearly all pairs, of both labels, is %s the threshold; %s",
            collection,
            side,
            NO_ZERO_POINT,
        )


def _tell(pairs: pl.DataFrame, found: list[float], collection: str) -> None:
    agrees = (pl.col("p_relevant") > pl.col("threshold")) == (pl.col("label") == "relevant")
    rates = pairs.group_by("label").agg(agrees.mean().alias("rate"))["rate"]
    logger.info(
        "%s: thresholds of p(relevant) (of log-odds) from judged pairs: %s; balanced accuracy on "
        "pairs that they were not fitted on: %.2f",
        collection,
        ", ".join(f"{one:.6g} ({_log_odds(one):.2f})" for one in sorted(set(found))),
        rates.mean(),
    )


def _log_odds(p: np.ndarray | float) -> np.ndarray:
    p = np.clip(p, _SMALLEST, 1 - np.finfo(float).epsneg)
    return np.log(p) - np.log1p(-p)
