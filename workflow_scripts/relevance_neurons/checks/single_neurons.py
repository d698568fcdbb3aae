"""Does a neuron's score foretell what F loses without it? A sample is switched off one by one.

Attention may saturate, so that query and key neurons matter but get no gradient (METHOD,
objection 10): the true change of F, beside the score, tells, component by component.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import torch

from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.attribution.mean_scores import Attribution
from relevance_neurons.rankers.components import COMPONENTS, NEURON_COLUMNS
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.statistics.map_agreement import spearman

EVERY = "all"
"""In place of a component: the whole sample."""
FEWEST = 4
"""Neurons below which a rank correlation gets no interval."""
REPLICATES = 2000
RESOLVED = 2.0
"""Standard errors beyond which a change is told from none."""
_AGREEMENT = ("spearman", "spearman_low", "spearman_high", "spearman_absolute", "same_sign_percent")
CORRELATIONS = pl.Schema(
    {"label": pl.String, "component": pl.String, "n_neurons": pl.Int32}
    | {f"{one}_{value}": pl.Float64 for value in ("zero", "mean") for one in _AGREEMENT}
    | {"n_pairs": pl.Int32}
    | {f"n_resolved_{value}": pl.Int32 for value in ("zero", "mean")}
)


def sample_neurons(neurons: pl.DataFrame, n_neurons: int, seed: int) -> pl.DataFrame:
    """``n_neurons`` of a frame (layer, component, neuron), as many of each component.

    Within a component they are spread over its layers: one of each, then a second one, and so on,
    in random order. Where the number cannot be divided, the first components have one more; where
    there are fewer neurons, all are taken. In the frame's order; the same ``seed`` gives the same
    sample.
    """
    rng = np.random.default_rng(seed)
    names = neurons["component"].unique(maintain_order=True)
    component = pl.col("component").replace_strict(names, list(range(len(names))))
    shuffled = neurons.with_row_index("place").with_columns(
        within=pl.Series(rng.permutation(len(neurons))),
        across=pl.Series(rng.permutation(len(neurons))),
        order=component,
    )
    turns = shuffled.with_columns(
        turn=pl.col("within").rank("ordinal").over("layer", "component")
    ).sort("order", "turn", "across")
    return (
        turns.with_columns(number=pl.int_range(pl.len()).over("component"))
        .sort("number", "order")
        .head(n_neurons)
        .sort("place")
        .select(*NEURON_COLUMNS)
    )


def single_neuron_changes(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    neurons: pl.DataFrame,
    label: str,
    target: str,
) -> np.ndarray:
    """F(x) - F(x without the neuron), float64, shape (n_neurons, n_pairs).

    ``neurons``: layer, component, neuron and, if a neuron is to give something else than 0,
    value; F is the ``target`` of ``label``. F is formed in float64: near a probability of 1 a
    single neuron changes it by a few steps of float32. The logits stay as exact as the ranker's
    arithmetic, in float32 to about 1e-6 of their size.
    """

    def value(logits: torch.Tensor) -> torch.Tensor:
        return reranker.target_value(logits.double(), label, target)

    ablations = [None, *(neurons[row] for row in range(len(neurons)))]
    whole, *without = rerank_under_ablations(reranker, pairs, ablations, read=value)
    return whole - np.array(without)


def ablate_single_neurons(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    attribution: Attribution,
    neurons: pl.DataFrame,
    activations: pl.DataFrame,
    target: str,
) -> pl.DataFrame:
    """The true change of F without each neuron, beside the score that it has on the same pairs.

    ``neurons``: layer, component, neuron; ``activations``: the same and mean; ``attribution`` is
    that of ``pairs``. A row per neuron: label, layer, component, neuron, score, change_zero,
    change_mean (the neuron gives 0, or its mean; means over the pairs), their standard errors,
    and n_pairs.
    """
    scored = neurons.join(
        attribution.frame(), on=NEURON_COLUMNS, how="left", maintain_order="left"
    ).rename({"standard_error": "score_error"})
    means = neurons.join(
        activations.select(*NEURON_COLUMNS, value="mean"),
        on=NEURON_COLUMNS,
        how="left",
        maintain_order="left",
    )
    # In one call, so that what is the same before the neuron is computed once for both.
    both = pl.concat([neurons.with_columns(value=0.0), means])
    found = single_neuron_changes(reranker, pairs, both, attribution.label, target)
    columns = {}
    for name, changes in zip(("zero", "mean"), np.split(found, 2), strict=True):
        columns[f"change_{name}"] = pl.Series(changes.mean(axis=1))
        columns[f"change_{name}_error"] = pl.Series(_standard_errors(changes))
    return scored.with_columns(label=pl.lit(attribution.label), **columns).select(
        "label", *NEURON_COLUMNS, "score", "score_error", *columns, "n_pairs"
    )


def neuron_correlations(single_neurons: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Do scores rank neurons as their true effect does? A row per label and component, and all.

    ``single_neurons``: as ``ablate_single_neurons`` returns it. Columns: label,
    component, n_neurons, n_pairs and, for zero and mean, spearman_*, its 95 % interval
    spearman_low_* to spearman_high_* (BCa bootstrap over neurons, Efron 1987; null where it is not
    defined), spearman_absolute_* (of the sizes of both), same_sign_percent_* (of the neurons
    where both are not 0) and n_resolved_*: neurons whose mean change is more than two standard
    errors from 0. Rounding of the logits differs from pair to pair, so the errors hold it too.
    """
    rows = [
        {"label": label, "component": component, "n_neurons": len(frame)}
        | _agreement(frame, "zero", seed)
        | _agreement(frame, "mean", seed)
        | {"n_pairs": frame["n_pairs"].max()}
        | {f"n_resolved_{value}": _n_resolved(frame, value) for value in ("zero", "mean")}
        for label, component, frame in _groups(single_neurons)
    ]
    return pl.DataFrame(rows, schema=CORRELATIONS)


def _standard_errors(values: np.ndarray) -> list[float | None]:
    """Of the mean of each row, shape (rows, n); None with fewer than two values."""
    if values.shape[1] < 2:
        return [None] * len(values)
    return (values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])).tolist()


def _groups(frame: pl.DataFrame) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """Each label with each component in the order of the data's flow, then with all of them."""
    for label in frame["label"].unique(maintain_order=True):
        of_label = frame.filter(label=label)
        for component in COMPONENTS:
            of_component = of_label.filter(component=component)
            if len(of_component):
                yield label, component, of_component
        yield label, EVERY, of_label


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
