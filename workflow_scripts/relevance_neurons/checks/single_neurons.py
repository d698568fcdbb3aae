"""Does a neuron's score foretell what F loses without it? A sample is switched off one by one.

Attention may saturate, so that query and key neurons matter but get no gradient (METHOD,
objection 10): the true change of F, beside the score, tells, component by component.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import torch

from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.attribution.mean_scores import Attribution
from relevance_neurons.attribution.within_query import find_units, unit_weights
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.rankers.reranker import Reranker

RANDOM, STRONG = "random", "strong"
"""Samples: spread over all neurons, and those to which a method gives the largest scores."""


class ScoredPairs(NamedTuple):
    """What a method says of some pairs: its ``attribution`` of ``texts``, (query, passage) each.

    Under a target within a query ``judgments`` are those that ``attribute`` took, else None.
    """

    method: str
    attribution: Attribution
    target: str
    texts: Sequence[tuple[str, str]]
    judgments: pl.DataFrame | None = None

    @property
    def changes_of(self) -> tuple:
        """The same for all whose true changes are the same."""
        return self.attribution.label, self.target, tuple(self.texts)


def changes_beside_scores(
    reranker: Reranker,
    scored: Iterable[ScoredPairs],
    activations: pl.DataFrame,
    n_neurons: int,
    n_strong: int,
    seed: int,
) -> pl.DataFrame:
    """The true change of F without a neuron, beside the score that each method gives it.

    Tried are ``n_neurons`` of ``sample_neurons`` and, of each method's map, its ``n_strong``
    strongest. A row per map, sample (random, strong) and neuron: method, sample and the columns
    of ``beside_scores``.
    """
    random, found = sample_neurons(reranker.neurons.frame(), n_neurons, seed), []
    together: dict[tuple, list[ScoredPairs]] = {}
    for one in scored:
        together.setdefault(one.changes_of, []).append(one)
    for some in together.values():
        strong = [strong_neurons(one.attribution, n_strong) for one in some]
        neurons = pl.concat([random, *strong]).unique(maintain_order=True)
        changes = true_changes(reranker, some[0], neurons, activations)
        for one, own in zip(some, strong, strict=True):
            for sample, chosen in ((RANDOM, random), (STRONG, own)):
                rows = chosen.join(changes, on=NEURON_COLUMNS, how="left", maintain_order="left")
                names = (pl.lit(one.method).alias("method"), pl.lit(sample).alias("sample"))
                found.append(beside_scores(rows, one.attribution).select(*names, pl.all()))
    return pl.concat(found)


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


def strong_neurons(attribution: Attribution, n_neurons: int) -> pl.DataFrame:
    """The ``n_neurons`` with the largest scores, whatever their sign, in the ranker's order.

    A method that did not measure a neuron does not say that it is weak: none of those is taken.
    """
    scores = attribution.frame().with_row_index("place")
    if attribution.measured is not None:
        scores = scores.filter("measured")
    strongest = scores.sort(pl.col("score").abs(), descending=True, maintain_order=True)
    return strongest.head(n_neurons).sort("place").select(*NEURON_COLUMNS)


def true_changes(
    reranker: Reranker, scored: ScoredPairs, neurons: pl.DataFrame, activations: pl.DataFrame
) -> pl.DataFrame:
    """What F loses without each of ``neurons`` (layer, component, neuron) on pairs ``scored``.

    ``activations``: the same columns and mean. Under a target within queries a query's change is
    that of the sum of its margins, by the weights that the attribution had. A row per neuron:
    change_zero and change_mean (it gives 0, or its mean; means over pairs or queries) and their
    standard errors.
    """
    means = neurons.join(
        activations.select(*NEURON_COLUMNS, value="mean"),
        on=NEURON_COLUMNS,
        how="left",
        maintain_order="left",
    )
    # In one call, so that what is the same before the neuron is computed once for both.
    both = pl.concat([neurons.with_columns(value=0.0), means])
    if scored.judgments is None:
        of = scored.attribution.label, scored.target
        found = single_neuron_changes(reranker, scored.texts, both, *of)
    else:
        found = single_neuron_changes(reranker, scored.texts, both, "relevant", "margin")
        found = found @ _weights_of_queries(scored).T
    columns = {}
    for name, changes in zip(("zero", "mean"), np.split(found, 2), strict=True):
        columns[f"change_{name}"] = pl.Series(changes.mean(axis=1))
        columns[f"change_{name}_error"] = pl.Series(_standard_errors(changes))
    return neurons.with_columns(**columns)


def beside_scores(changes: pl.DataFrame, attribution: Attribution) -> pl.DataFrame:
    """``changes``, as ``true_changes`` gives them, beside what a method says of the same pairs.

    A row per neuron: label, layer, component, neuron, score, score_error, the changes, n_pairs.
    """
    scores = attribution.frame().rename({"standard_error": "score_error"})
    scored = changes.join(scores, on=NEURON_COLUMNS, how="left", maintain_order="left")
    return scored.select(
        pl.lit(attribution.label).alias("label"),
        *(*NEURON_COLUMNS, "score", "score_error"),
        *(name for name in changes.columns if name not in NEURON_COLUMNS),
        "n_pairs",
    )


def _weights_of_queries(scored: ScoredPairs) -> np.ndarray:
    """What each pair weighs in its query's objective, shape (n_queries, n_pairs)."""
    n_pairs, margins = len(scored.texts), np.full(len(scored.texts), np.nan)
    margins[scored.attribution.pair_numbers()] = scored.attribution.checks()["f_input"].to_numpy()
    units = find_units(scored.judgments, n_pairs)
    weights = np.zeros((len(units), n_pairs))
    for row, unit in zip(weights, units, strict=True):
        row[unit.rows] = unit_weights(scored.target, margins[unit.rows], unit.gains)
    return weights


def _standard_errors(values: np.ndarray) -> list[float | None]:
    """Of the mean of each row, shape (rows, n); None with fewer than two values."""
    if values.shape[1] < 2:
        return [None] * len(values)
    return (values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])).tolist()
