"""How far two maps of scores agree: their tops, their ranks, their values."""

from __future__ import annotations

import numpy as np

CURVE = [float(f"{level:.4g}") for level in np.geomspace(0.01, 10, 31)]
"""Levels in percent of the curves of overlaps (figures 2 and 3) and of stability."""


def n_selected(top_percent: float, n_neurons: int) -> int:
    """How many of ``n_neurons`` the top ``top_percent`` % are; as the macro of macros.sql."""
    return int(np.floor(round(top_percent * n_neurons / 100, 9) + 0.5))


def shared_percent(scores: np.ndarray, other: np.ndarray, m: int) -> float:
    """Share of the top ``m`` of one map, shape (n_neurons,), that is in the other's, in percent.

    Ties go to the earlier neuron.
    """
    top, other_top = (np.argsort(-one, kind="stable")[:m] for one in (scores, other))
    return 100 * len(np.intersect1d(top, other_top)) / m


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
    norm = float(np.linalg.norm(better))
    return float(np.linalg.norm(scores - better)) / max(norm, 1e-300)
