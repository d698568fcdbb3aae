"""Switch neurons off, and re-rank under many such ablations at little more than the price of some.

A selected neuron's output (after its bias) becomes zero at every position; the weights stay as
they are (Vast et al. 2024, section 4.2).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import polars as pl
import torch
from torch import nn

from relevance_neurons.errors import UserError
from relevance_neurons.neurons import Block
from relevance_neurons.progress import Progress
from relevance_neurons.reranker import EncodedPair, Reranker, length_batches
from relevance_neurons.stepwise import StepwiseEncoder
from relevance_neurons.taps import Tap, tapped

logger = logging.getLogger(__name__)

Selected = dict[Block, torch.Tensor]
"""The neurons of an ablation, as ``Neurons.select`` groups them; none for the whole ranker."""

VALUES = ("zero",)
RERANKING_BATCH_TOKENS = 2048
"""Padded tokens in a batch; about 100 kB a token and layer are held while its ablations run."""


@contextmanager
def ablate(reranker: Reranker, neurons: pl.DataFrame, value: str = "zero") -> Iterator[Reranker]:
    """Within the block, the ranker works with ``neurons`` (layer, component, neuron) switched off.

    Raises ``UserError`` for a neuron that the ranker does not have, for an empty frame, and for a
    ``value`` other than "zero".
    """
    if value not in VALUES:
        raise UserError(f"ablation.value: {value!r} was found; allowed: {', '.join(VALUES)}")
    with _switched_off(reranker, reranker.neurons.select(neurons)):
        yield reranker


def rerank_under_ablations(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    ablations: Sequence[pl.DataFrame | None],
    batch_tokens: int = RERANKING_BATCH_TOKENS,
) -> np.ndarray:
    """log p(relevant) of each pair under each ablation: float32, shape (n_ablations, n_pairs).

    An ablation is a frame of neurons (layer, component, neuron), or None for the whole ranker.
    What lies before the first neuron switched off is computed once for all of them, the last
    layer at the first token alone, where the ranker reads it, and equal ablations are computed
    once. The states of one batch are held at a time, so memory grows neither with the pairs nor
    with the ablations.
    """
    encoded = reranker.encode(pairs)
    distinct, places = _distinct(
        [{} if one is None else reranker.neurons.select(one) for one in ablations]
    )
    scores = np.empty((len(distinct), len(pairs)), dtype=np.float32)
    stepwise = _stepwise(reranker, encoded)
    with Progress(len(pairs) * len(distinct), "re-ranking under ablations") as progress:
        for rows in length_batches([len(pair) for pair in encoded], batch_tokens):
            batch = reranker.collate([encoded[row] for row in rows])
            score = _scorer(reranker, batch, stepwise)
            for number, neurons in enumerate(distinct):
                scores[number, rows] = score(neurons)
                progress.update(len(rows))
    return scores[places]


def _distinct(selected: Sequence[Selected]) -> tuple[list[Selected], list[int]]:
    """The different ablations, and for each given one its place among them."""
    found: dict[tuple, int] = {}
    places = []
    for one in selected:
        key = tuple((block.start, indices.numpy().tobytes()) for block, indices in one.items())
        places.append(found.setdefault(key, len(found)))
    return [selected[places.index(number)] for number in range(len(found))], places


def _scorer(reranker: Reranker, batch: dict[str, torch.Tensor], stepwise: StepwiseEncoder | None):
    """A function from an ablation to the scores of the batch."""
    if stepwise is None:
        return lambda neurons: _score_with_hooks(reranker, batch, neurons)
    with torch.inference_mode(), reranker.precision("ranking"):
        states = stepwise.states(batch)

    def score(neurons: Selected) -> np.ndarray:
        with torch.inference_mode(), reranker.precision("ranking"):
            logits = stepwise.logits(states, neurons)
            return reranker.log_probabilities(logits)[:, 1].float().cpu().numpy()

    return score


def _score_with_hooks(
    reranker: Reranker, batch: dict[str, torch.Tensor], neurons: Selected
) -> np.ndarray:
    """The plain way: the whole model, with hooks that zero outputs."""
    with _switched_off(reranker, neurons), torch.inference_mode(), reranker.precision("ranking"):
        logits = reranker.model(**batch).logits
        return reranker.log_probabilities(logits)[:, 1].float().cpu().numpy()


def _stepwise(reranker: Reranker, encoded: Sequence[EncodedPair]) -> StepwiseEncoder | None:
    """The encoder that can start in its middle, if it gives the stock model's scores.

    A known architecture may be varied by an option that the stepwise forward does not know; then
    the log says so, and the plain way is taken.
    """
    if not encoded:
        return None
    probe = reranker.collate(sorted(encoded, key=len)[: 1 + len(encoded) // 50][:4])
    stepwise = StepwiseEncoder(reranker.model, reranker.architecture)
    with torch.inference_mode(), reranker.precision("ranking"):
        expected = reranker.model(**probe).logits.float()
        found = stepwise.logits(stepwise.states(probe), {}).float()
    tolerance = 0.1 if found.dtype == torch.bfloat16 or reranker.dtype == "bfloat16" else 1e-3
    if torch.allclose(found, expected, atol=tolerance, rtol=tolerance):
        return stepwise
    logger.warning(
        "the stepwise forward differs from this model's own (largest difference %.2g): every "
        "ablation runs the whole model, which takes longer",
        (found - expected).abs().max().item(),
    )
    return None


def _switched_off(reranker: Reranker, selected: Selected) -> AbstractContextManager:
    """Within the block, the outputs ``selected`` of the ranker's modules are zero."""
    off: dict[nn.Module, list[tuple[int | None, torch.Tensor]]] = {}
    for block, columns in selected.items():
        off.setdefault(block.module, []).append((block.call, columns.to(reranker.device)))

    def zero(parts: list[tuple[int | None, torch.Tensor]]) -> Tap:
        def tap(call: int, output: torch.Tensor) -> torch.Tensor:
            for its_call, columns in parts:
                if its_call in (None, call):
                    output = output.index_fill(-1, columns, 0.0)
            return output

        return tap

    return tapped(reranker.model, {module: zero(parts) for module, parts in off.items()})
