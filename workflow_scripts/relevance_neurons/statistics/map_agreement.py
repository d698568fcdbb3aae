"""How far two maps of scores agree: their tops, their ranks, and how far they are converged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

CURVE = [float(f"{level:.4g}") for level in np.geomspace(0.01, 10, 31)]
"""Levels in percent of the curves of overlaps (figures 2 and 3) and of stability."""

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
    from scipy.stats import kendalltau  # takes most of a second, and most jobs do without

    rho = spearman(scores, other)
    tau = None if rho is None else float(kendalltau(scores, other).statistic)
    return {"kendall_tau": tau, "spearman": rho}


def spearman(first: np.ndarray, second: np.ndarray) -> float | None:
    """Rank correlation of two vectors; None where one is constant or too short."""
    if len(first) < 2 or not np.ptp(first) or not np.ptp(second):
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)


def relative_difference(scores: np.ndarray, better: np.ndarray) -> float:
    """L2 norm of the difference through that of ``better``; 0 where both are nothing but zeros."""
    return float(np.linalg.norm(scores - better) / max(np.linalg.norm(better), 1e-300))


def summarise_convergence(
    neurons: pl.DataFrame, pairs: pl.DataFrame, top_percents: Sequence[float]
) -> pl.DataFrame:
    """What half of every step along the path changes in a map; as ``double_points`` returns it.

    A row per level (those that select no neuron are left out): top_percent, n_pairs, points and
    points_doubled (means over pairs), shared_percent (of the tops of both maps), kendall_tau (over
    all neurons), relative_difference (of the maps) and worst_pair_difference: L2 norm of the
    difference through that of the scores with more points.
    """
    maps = neurons["score"].to_numpy(), neurons["doubled_score"].to_numpy()
    same = {
        "n_pairs": len(pairs),
        "points": pairs["n_points"].mean(),
        "points_doubled": pairs["n_points_doubled"].mean(),
        "kendall_tau": rank_correlations(*maps)["kendall_tau"],
        "relative_difference": relative_difference(*maps),
        "worst_pair_difference": pairs["relative_difference"].max(),
    }
    rows = [
        same | {"top_percent": float(level), "shared_percent": shared_percent(*maps, m)}
        for level in sorted(set(top_percents))
        if (m := n_selected(level, len(neurons)))
    ]
    return pl.DataFrame(rows, schema=CONVERGENCE)
