"""Switch neurons off, and re-rank under many such ablations at little more than the price of some.

A selected neuron's output (after its bias) becomes zero at every position (Vast et al. 2024,
section 4.2), or another value that is given for it, such as its mean; the weights stay as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.many_ablations import (
    ManyAblations,
    Read,
    Selected,
    switched_off,
)
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.neurons import checked_neurons
from relevance_neurons.rankers.reranker import Reranker, check_reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.selection.ablation_kinds import VALUES

logger = logging.getLogger(__name__)


class _Ablation(AbstractContextManager[Reranker]):
    """The block in which ``selected`` neurons are off; once left it may be entered again."""

    def __init__(self, reranker: Reranker, selected: Selected, n_neurons: int) -> None:
        self.reranker, self.selected, self.n_neurons = reranker, selected, n_neurons
        self.is_used = False

    def __enter__(self) -> Reranker:
        self.is_used = True
        self.block = switched_off(self.reranker, self.selected)
        self.block.__enter__()
        return self.reranker

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return self.block.__exit__(kind, error, traceback)

    def __repr__(self) -> str:
        return f"Ablation of {self.n_neurons:,} neurons within its block: with ablate(…):"

    def __del__(self) -> None:
        if not self.is_used:  # the scores that follow are those of the whole ranker
            # Way out: write with ablate(reranker, neurons): and score within the block.
            logger.warning("ablate: no block was begun, so that nothing was switched off")


def ablate(
    reranker: Reranker, neurons: pl.DataFrame, value: str = "zero"
) -> AbstractContextManager[Reranker]:
    """Within the block, the ranker works with ``neurons`` (layer, component, neuron) switched off.

    ``value`` is what they give instead: see ``with_value``, also for the ``UserError`` that it
    raises. Raises ``UserError`` for a neuron that the ranker does not have and for an empty frame.
    """
    check_reranker(reranker)
    selected = reranker.neurons.off(with_value(neurons, value))
    return _Ablation(reranker, selected, len(neurons))


def with_value(neurons: pl.DataFrame, value: str) -> pl.DataFrame:
    """``neurons`` with a column ``value``: what each gives while it is switched off.

    "zero": 0. "mean": the frame's column ``mean``, which ``measure_activations`` gives.

    Raises ``UserError`` for another ``value``, for "mean" without that column, and for no neuron.
    """
    neurons = checked_neurons(neurons)
    if value not in VALUES:
        raise UserError(f"ablation.value: {value!r} was found; allowed: {', '.join(VALUES)}")
    if value == "mean" and "mean" not in neurons.columns:
        raise UserError(
            "neurons: no column mean, which ablation.value mean needs; join the neurons with "
            "what measure_activations gives"
        )
    return neurons.with_columns(value=pl.lit(0.0) if value == "zero" else pl.col("mean"))


def rerank_under_ablations(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    ablations: Iterable[pl.DataFrame | None],
    memory: Memory | None = None,
    read: Read | None = None,
) -> np.ndarray:
    """log p(relevant) of each pair under each ablation: float32, shape (n_ablations, n_pairs).

    An ablation is a frame of neurons (layer, component, neuron), or None for the whole ranker; its
    column ``value``, if any, says what each neuron gives instead of 0. ``read`` asks for another
    function of the logits, in the arithmetic of attribution then, not in that of re-ranking; its
    values are kept in float64, the dtype of the result then.

    What is the same in several of them is computed once: equal ablations, everything before the
    first neuron switched off, and the first layers of those that agree in them. The last layer
    runs at the first token alone, where the ranker reads it. The states of one batch are held at
    a time, so memory, bounded by ``memory``, grows neither with the pairs nor with the ablations.
    """
    encoded = reranker.encode(pairs)
    distinct, places = _distinct(
        {} if one is None else reranker.neurons.off(one) for one in ablations
    )
    score = ManyAblations(reranker, encoded, distinct, read)
    scores = np.empty((len(distinct), len(pairs)), dtype=score.dtype)
    memory = memory or reranker.memory()
    with Progress(len(pairs) * len(distinct), "re-ranking under ablations") as progress:
        for rows in length_batches([len(pair) for pair in encoded], memory):
            for part, found in halving(rows, memory, score):
                scores[:, part] = found
                progress.update(len(part) * len(distinct))
    return scores[places]


def _distinct(selected: Iterable[Selected]) -> tuple[list[Selected], list[int]]:
    """The different ablations, and for each given one its place among them."""
    found: dict[tuple, int] = {}
    distinct, places = [], []
    for one in selected:
        key = tuple((block.start, off.key) for block, off in one.items())
        if key not in found:
            found[key] = len(found)
            distinct.append(one)
        places.append(found[key])
    return distinct, places
