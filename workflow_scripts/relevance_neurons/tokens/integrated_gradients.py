"""Integrated gradients of the word embeddings (Sundararajan et al. 2017), by Captum.

``legacy`` is the public code of the information-bottleneck paper (METHOD, section 3): the path
runs in the output of the embedding block, and a pair's scores are divided by their L2 norm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import nn

from relevance_neurons.attribution.baselines import find_baseline
from relevance_neurons.attribution.paths import baseline_batch
from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory, halving, is_out_of_memory, length_batches
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.label_values import are_relevant, label_values
from relevance_neurons.tokens.methods import settings_of

BASELINE = "pad_keep_special"
RULE = "gausslegendre"


def scores(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    labels: Sequence[str],
    *,
    target: str = "probability",
    n_points: int | None = None,
    legacy: bool = False,
    memory: Memory | None = None,
) -> Iterator[tuple[TokenCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_tokens,); longest pairs first.

    The path runs from the pair with every token but the special ones as [PAD] to the pair, with
    ``n_points`` (50; ``legacy``: 10) points of Gauss and Legendre's rule. A token's score is the
    signed sum over its features; a pair's sum to F(x) - F(baseline), F being the ``target`` of its
    label, up to the rule's error. The check has both sums, ``legacy`` before it divides.

    Raises ``UserError`` for values that are no finite numbers, and if one pair alone is too large
    for the memory.
    """
    n_points = n_points or settings_of("integrated_gradients", legacy)["n_points"]
    memory = memory or reranker.memory()
    encoded = reranker.encode(pairs)
    # Where there is no such block, as in T5, its output would be the word embeddings.
    block = getattr(reranker.model.base_model, "embeddings", None) if legacy else None

    def run(rows: Sequence[int]) -> list[tuple[TokenCheck, np.ndarray]]:
        own = [encoded[row] for row in rows]
        batch = _Batch(reranker, own, [labels[row] for row in rows], block)
        summed, known = batch.attribute(target, n_points, memory)
        return [
            _scored(row, encoded[row], own, *values, n_points, legacy)
            for row, own, values in zip(rows, summed, known, strict=True)
        ]

    for batch in length_batches([len(pair) for pair in encoded], memory, rows_each=n_points):
        for _, found in halving(batch, memory, run):
            yield from found


def _scored(
    row: int,
    pair: EncodedPair,
    summed: np.ndarray,
    change: float,
    p_label: float,
    n_points: int,
    legacy: bool,
) -> tuple[TokenCheck, np.ndarray]:
    """A pair's check and scores, from its padded ``summed``, shape (at least n_tokens,)."""
    own = summed[: len(pair)]
    known = (p_label, change, float(own.sum()), 2.0 * n_points + 2)
    if legacy:
        own = own / (np.linalg.norm(own) or 1.0)
    return TokenCheck(row, len(pair), pair.is_cut, *known), own


class _Batch:
    """A few pairs of like length: ends of their paths, (n_pairs, n_tokens, width)."""

    def __init__(
        self,
        reranker: Reranker,
        encoded: Sequence[EncodedPair],
        labels: Sequence[str],
        block: nn.Module | None,
    ) -> None:
        """With ``block`` the path runs in its output, without in the word embeddings."""
        self.reranker, self.block = reranker, block
        others = reranker.collate(encoded)
        ids = others.pop("input_ids")
        self.names = list(others)
        self.more = (are_relevant(labels).to(reranker.device), *others.values())
        with torch.no_grad():
            inputs = reranker.model.get_input_embeddings()(ids)
            baselines = baseline_batch(reranker, encoded, inputs, find_baseline(BASELINE))
            self.ends = [inputs, baselines]
            if block is not None:
                runs = [partial(self._model, one, *others.values()) for one in self.ends]
                self.ends = [_output(block, run) for run in runs]

    def attribute(
        self, target: str, n_points: int, memory: Memory
    ) -> tuple[np.ndarray, list[tuple[float, float]]]:
        """Scores, shape (n_pairs, n_tokens), and F(x) - F(baseline) and p of each pair's label."""
        inputs, baselines = self.ends

        def value(inputs: torch.Tensor, relevant: torch.Tensor, *others: torch.Tensor):
            return label_values(self.reranker, self._logits(inputs, *others), relevant, target)

        def explain(size: int) -> torch.Tensor:
            given = {"baselines": baselines, "additional_forward_args": self.more}
            rule = {"n_steps": n_points, "method": RULE, "internal_batch_size": size}
            return IntegratedGradients(value).attribute(inputs, **given, **rule)

        with self.reranker.precision("attribution"):
            summed = _in_passes(memory, *inputs.shape[:2], explain).double().sum(dim=-1)
            with torch.no_grad():
                logits = self._logits(inputs, *self.more[1:])
                p_label = label_values(self.reranker, logits, self.more[0])
                before = label_values(self.reranker, logits, self.more[0], target)
                change = before - value(baselines, *self.more)
        check_finite(summed, change)
        known = zip(change.double().tolist(), p_label.double().tolist(), strict=True)
        return summed.detach().cpu().numpy(), list(known)

    def _model(self, embeddings: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        named = dict(zip(self.names, others, strict=True))
        return self.reranker.model(inputs_embeds=embeddings, **named).logits

    def _logits(self, hidden: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        """From what the path runs in: shape (n_rows, n_tokens, width) to (n_rows, n_logits)."""
        if self.block is None:
            return self._model(hidden, *others)
        width = self.reranker.model.get_input_embeddings().weight.shape[1]
        hook = self.block.register_forward_hook(lambda *_: hidden)
        try:  # what goes into the block is of no account: its output is replaced
            return self._model(hidden.new_zeros((*hidden.shape[:2], width)), *others)
        finally:
            hook.remove()


def _output(block: nn.Module, run: Callable[[], object]) -> torch.Tensor:
    """What ``block`` puts out while ``run`` runs."""
    kept: list[torch.Tensor] = []
    hook = block.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    try:
        run()
    finally:
        hook.remove()
    return kept[0].detach()


def _in_passes(
    memory: Memory, n_pairs: int, n_tokens: int, explain: Callable[[int], torch.Tensor]
) -> torch.Tensor:
    """What ``explain`` makes of the pairs with so many rows in a pass; with fewer if memory ends.

    One row of each pair is the least, below which the pairs themselves must become fewer.
    """
    while True:
        size = max(n_pairs, memory.batch_tokens // n_tokens)
        try:
            return explain(size)
        except (RuntimeError, MemoryError) as error:
            if size == n_pairs or not is_out_of_memory(error):
                raise
        memory.halve(size)
