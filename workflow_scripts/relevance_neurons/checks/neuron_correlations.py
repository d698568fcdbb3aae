"""How well the scores of single neurons rank what switching them off does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from relevance_neurons.rankers.components import COMPONENTS
from relevance_neurons.statistics.map_agreement import spearman

MAP = ("method", "sample", "label")
EVERY = "all"
"""In place of a component: the whole sample."""
FEWEST = 4
"""Neurons below which a rank correlation gets no interval."""
REPLICATES = 2000
RESOLVED = 2.0
"""Standard errors beyond which a change is told from none."""
_AGREEMENT = ("spearman", "spearman_low", "spearman_high", "spearman_absolute", "same_sign_percent")
CORRELATIONS = pl.Schema(
    {"method": pl.String, "sample": pl.String, "label": pl.String, "component": pl.String}
    | {"n_neurons": pl.Int32}
    | {f"{one}_{value}": pl.Float64 for value in ("zero", "mean") for one in _AGREEMENT}
    | {"n_pairs": pl.Int32}
    | {f"n_resolved_{value}": pl.Int32 for value in ("zero", "mean")}
)


def neuron_correlations(single_neurons: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Do scores rank neurons as their true effect does? A row per label and component, and all.

    ``single_neurons``: as ``changes_beside_scores`` returns them; each method's map and sample by
    itself. Columns: method, sample, label, component, n_neurons, n_pairs and, for zero and mean,
    spearman_*, its 95 % interval spearman_low_* to spearman_high_* (BCa bootstrap over neurons,
    Efron 1987; null where it is not defined), spearman_absolute_* (of the sizes of both),
    same_sign_percent_* (of the neurons where both are not 0) and n_resolved_*: neurons whose mean
    change is more than two standard errors from 0. Rounding of the logits differs from pair to
    pair, so the errors hold it too.
    """
    rows = [
        {**of, "component": component, "n_neurons": len(frame)}
        | _agreement(frame, "zero", seed)
        | _agreement(frame, "mean", seed)
        | {"n_pairs": frame["n_pairs"].max()}
        | {f"n_resolved_{value}": _n_resolved(frame, value) for value in ("zero", "mean")}
        for of, component, frame in _groups(single_neurons)
    ]
    return pl.DataFrame(rows, schema=CORRELATIONS)


def _groups(frame: pl.DataFrame) -> Iterator[tuple[dict[str, str], str, pl.DataFrame]]:
    """Each map's sample with each component in the order of the data's flow, then with all."""
    for of in frame.select(*MAP).unique(maintain_order=True).iter_rows(named=True):
        of_map = frame.filter(**of)
        for component in COMPONENTS:
            of_component = of_map.filter(component=component)
            if len(of_component):
                yield of, component, of_component
        yield of, EVERY, of_map


def _agreement(frame: pl.DataFrame, name: str, seed: int) -> dict:
    score, change = (frame[column].to_numpy() for column in ("score", f"change_{name}"))
    both = (score != 0) & (change != 0)
    same = np.sign(score[both]) == np.sign(change[both])
    low, high = _interval(score, change, seed)
    return {
        f"spearman_{name}": spearman(score, change),
        f"spearman_low_{name}": low,
        f"spearman_high_{name}": high,
        f"spearman_absolute_{name}": spearman(np.abs(score), np.abs(change)),
        f"same_sign_percent_{name}": float(100 * same.mean()) if both.any() else None,
    }


def _n_resolved(frame: pl.DataFrame, name: str) -> int | None:
    """Neurons whose change stands out of its error; None where a single pair gives no error."""
    clear = frame[f"change_{name}"].abs() > RESOLVED * frame[f"change_{name}_error"]
    return None if clear.null_count() else int(clear.sum())


def _interval(first: np.ndarray, second: np.ndarray, seed: int) -> tuple[float | None, ...]:
    """BCa bootstrap interval of Spearman's ρ; (None, None) where it is not defined."""
    if len(first) < FEWEST or spearman(first, second) is None:
        return None, None
    from scipy.stats import bootstrap

    with np.errstate(all="ignore"):
        found = bootstrap(
            (first, second),
            _rank_correlation,
            paired=True,
            vectorized=True,
            n_resamples=REPLICATES,
            method="BCa",
            rng=np.random.default_rng(seed),
        ).confidence_interval
    return tuple(None if np.isnan(one) else float(one) for one in (found.low, found.high))


def _rank_correlation(first: np.ndarray, second: np.ndarray, axis: int = -1) -> np.ndarray:
    """Spearman's ρ along ``axis``: of many resamples at once."""
    from scipy.stats import rankdata

    ranks = [rankdata(one, axis=axis) for one in (first, second)]
    ranks = [one - one.mean(axis=axis, keepdims=True) for one in ranks]
    scale = np.sqrt((ranks[0] ** 2).sum(axis=axis) * (ranks[1] ** 2).sum(axis=axis))
    return (ranks[0] * ranks[1]).sum(axis=axis) / scale
