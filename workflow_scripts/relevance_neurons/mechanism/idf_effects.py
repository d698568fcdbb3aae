"""Dose-response of moving IDF: means over queries, slopes, and tests against random directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from relevance_neurons.statistics.bootstrap import mean_interval
from relevance_neurons.statistics.rounding import ROUNDING

_SCHEMA = {
    "kind": pl.String,
    "dose": pl.Float64,
    "n_pairs": pl.Int32,
    "n_queries": pl.Int32,
    "change": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value": pl.Float64,
    "p_value_queries": pl.Float64,
    "lowest_direction": pl.Float64,
    "highest_direction": pl.Float64,
}


def idf_effects(
    changes: Mapping[str, np.ndarray],
    query_ids: Sequence[str],
    doses: Sequence[float],
    seed: int = 0,
) -> pl.DataFrame:
    """A row per kind and dose, and one per kind (dose null) for the slope per unit of dose.

    ``changes``: of each kind, shape (n_pairs, n_draws, n_doses) (``idf_edits.measure_changes``);
    ``query_ids``: of each pair. Returns kind, dose, n_pairs, n_queries, change (of the logit: mean
    over queries of the mean over a query's pairs and, of random directions, over these), ci_low,
    ci_high (bootstrap over queries), p_value, p_value_queries, lowest_direction, highest_direction
    (of kind random: the mean changes of the single directions that lie furthest out).

    The slope is that of least squares through 0, where nothing is moved and nothing changes. The
    legacy edit sets a coordinate and has no such point: it has no slope. p-values are the
    component's against the random directions, two-sided: p_value is (1 + #{directions with as large
    a |mean change|}) / (n_directions + 1): is the component more than a direction like any other?
    p_value_queries, a paired t-test over queries against the directions' mean, asks less: whether
    it does anything that the average of many directions does not, which most single ones do too.
    All is null where there is nothing to compute it from.
    """
    names = sorted(set(query_ids))
    values = {kind: _by_query(one, query_ids, names) for kind, one in changes.items()}
    counts = {"n_pairs": len(query_ids), "n_queries": len(names)}
    rows = []
    for kind, dose, own, random in _columns(values, np.array(doses, dtype=np.float64)):
        row = {"kind": kind, "dose": dose, **counts}
        if names and own is not None and own.shape[1]:  # there may be no random direction
            interval = mean_interval(own.mean(axis=1), seed=seed)
            row |= dict(zip(("change", "ci_low", "ci_high"), interval, strict=True))
            row |= _against_random(kind, own, random)
        rows.append(row)
    return pl.DataFrame(rows, schema=_SCHEMA)


def slopes(changes: np.ndarray, doses: np.ndarray) -> np.ndarray | None:
    """Least-squares slope through 0 over the last axis, (…, n_doses) -> (…); None if all are 0."""
    size = float(doses @ doses)
    return changes @ doses / size if size else None


def _by_query(changes: np.ndarray, query_ids: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Means over each query's pairs, shape (n_queries, n_draws, n_doses)."""
    means = np.zeros((len(names), *changes.shape[1:]))
    for row, name in enumerate(names):
        means[row] = changes[[own == name for own in query_ids]].mean(axis=0)
    return means


def _columns(values: Mapping[str, np.ndarray], doses: np.ndarray) -> Iterator[tuple]:
    """Kind, dose (None: the slope), its values and the random directions', (n_queries, n_draws)."""
    for kind, own in values.items():
        for place, dose in enumerate(doses.tolist()):
            yield kind, dose, own[:, :, place], values["random"][:, :, place]
        if kind != "legacy":
            yield kind, None, slopes(own, doses), slopes(values["random"], doses)


def _against_random(kind: str, own: np.ndarray, random: np.ndarray) -> dict[str, float | None]:
    if not random.shape[1]:
        return {}
    directions = random.mean(axis=0)
    if kind == "random":
        return {
            "lowest_direction": float(directions.min()),
            "highest_direction": float(directions.max()),
        }
    if kind != "component":
        return {}
    as_large = np.abs(directions) >= abs(own.mean()) - ROUNDING
    return {
        "p_value": (1 + int(as_large.sum())) / (len(directions) + 1),
        "p_value_queries": _paired_p(own[:, 0], random.mean(axis=1)),
    }


def _paired_p(own: np.ndarray, other: np.ndarray) -> float | None:
    """Two-sided paired t-test; None below two queries, or where all differ by the same."""
    from scipy.stats import ttest_rel

    differences = own - other
    if len(own) < 2 or np.ptp(differences) <= ROUNDING:
        return None
    return float(ttest_rel(own, other).pvalue)
