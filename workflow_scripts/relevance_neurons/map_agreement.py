"""How far two maps of scores agree, and what twice the points of the path would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from scipy.stats import kendalltau, spearmanr

from relevance_neurons.pair_scores import Settings, score_pairs
from relevance_neurons.progress import Progress
from relevance_neurons.reranker import Reranker

CHUNK = 32
"""Pairs whose scores are kept at once: each takes 8 bytes a neuron, twice."""


def n_selected(top_percent: float, n_neurons: int) -> int:
    """How many of ``n_neurons`` the top ``top_percent`` % are; as the macro of macros.sql."""
    return int(np.floor(round(top_percent * n_neurons / 100, 9) + 0.5))


def shared_percent(scores: np.ndarray, other: np.ndarray, m: int) -> float:
    """Share of the top ``m`` of one map, shape (n_neurons,), that is in the other's, in percent.

    Ties go to the earlier neuron.
    """
    tops = [np.argsort(-one, kind="stable")[:m] for one in (scores, other)]
    return 100 * len(np.intersect1d(*tops)) / m


def rank_correlations(scores: np.ndarray, other: np.ndarray) -> dict[str, float | None]:
    """Kendall's tau-b and Spearman's rank correlation over all neurons; None for a constant map."""
    if min(np.ptp(scores), np.ptp(other)) == 0:
        return {"kendall_tau": None, "spearman": None}
    return {
        "kendall_tau": float(kendalltau(scores, other).statistic),
        "spearman": float(spearmanr(scores, other).statistic),
    }


def check_convergence(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    settings: Settings,
    top_percents: Sequence[float],
) -> pl.DataFrame:
    """Attribute ``pairs`` with ``settings`` and with every step of the path cut in two.

    A row per level (those that select no neuron are left out): top_percent, n_pairs, points and
    points_doubled (mean over pairs), shared_percent (of the tops of both mean maps), kendall_tau
    (over all neurons), relative_difference (of the mean maps) and worst_pair_difference: L2 norm
    of the difference through that of the scores with more points. A uniform rule's n points become
    2n − 1; of the adaptive rule every accepted panel is halved.
    """
    both = (settings, replace(settings, halved=True))
    totals, points, worst = np.zeros((2, len(reranker.neurons))), np.zeros(2), 0.0
    with Progress(len(pairs), f"convergence ({settings.label})") as progress:
        for start in range(0, len(pairs), CHUNK):
            chunk = pairs[start : start + CHUNK]
            plain, halved = (_scores(reranker, chunk, one) for one in both)
            totals += plain[0].sum(axis=0), halved[0].sum(axis=0)
            points += plain[1], halved[1]
            differences = map(relative_difference, plain[0], halved[0])
            worst = max(worst, *differences)
            progress.update(len(chunk))
    means = totals / len(pairs)
    same = {
        "n_pairs": len(pairs),
        **dict(zip(("points", "points_doubled"), points / len(pairs), strict=True)),
    }
    tau = rank_correlations(*means)["kendall_tau"]
    rows = [
        {
            "top_percent": float(level),
            **same,
            "shared_percent": shared_percent(*means, m),
            "kendall_tau": tau,
            "relative_difference": relative_difference(*means),
            "worst_pair_difference": worst,
        }
        for level in sorted(set(top_percents))
        if (m := n_selected(level, len(reranker.neurons)))
    ]
    return pl.DataFrame(rows, schema=CONVERGENCE)


CONVERGENCE = pl.Schema(
    {
        "top_percent": pl.Float64,
        "n_pairs": pl.Int32,
        "points": pl.Float64,
        "points_doubled": pl.Float64,
        "shared_percent": pl.Float64,
        "kendall_tau": pl.Float64,
        "relative_difference": pl.Float64,
        "worst_pair_difference": pl.Float64,
    }
)


def relative_difference(scores: np.ndarray, better: np.ndarray) -> float:
    """L2 norm of the difference through that of ``better``; 0 where both are nothing but zeros."""
    return float(np.linalg.norm(scores - better) / max(np.linalg.norm(better), 1e-300))


def _scores(
    reranker: Reranker, pairs: Sequence[tuple[str, str]], settings: Settings
) -> tuple[np.ndarray, int]:
    """Scores of the pairs in their order, shape (n_pairs, n_neurons), and their points, summed."""
    scores, points = np.empty((len(pairs), len(reranker.neurons))), 0
    for check, found in score_pairs(reranker, pairs, settings):
        scores[check.pair] = found
        points += check.n_points
    return scores, points
