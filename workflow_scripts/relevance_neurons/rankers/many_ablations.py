"""What a ranker gives for a batch of pairs under each of many ablations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import nn

from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.own_encoder import own_encoder
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.switched_off import Off
from relevance_neurons.rankers.taps import Tap, tapped

Selected = dict[Block, Off]
"""The neurons of an ablation, as ``Neurons.off`` groups them; none for the whole ranker."""

Read = Callable[[torch.Tensor], torch.Tensor]
"""From logits (n_rows, n_logits) to one value of each row, shape (n_rows,)."""


class ManyAblations:
    """From numbers of pairs to their scores under each ablation, shape (n_ablations, n_pairs).

    The scores are log p(relevant) in the arithmetic of re-ranking, or what ``read`` makes of the
    logits, in that of attribution. What is the same in several ablations is computed once, where
    our own forward pass gives the stock model's logits; else every ablation is a pass.
    """

    def __init__(
        self,
        reranker: Reranker,
        encoded: Sequence[EncodedPair],
        ablations: Sequence[Selected],
        read: Read | None = None,
    ) -> None:
        self.reranker, self.encoded = reranker, encoded
        self.ablations, self.read = ablations, read
        self.dtype = np.float32 if read is None else np.float64
        """Scores only rank; values of another function may be there to be subtracted."""
        self._encoder = own_encoder(
            reranker, encoded, lambda own, x: next(own.ablated(x, own.plan([{}])))[1]
        )
        self._plan = self._encoder.plan(ablations) if self._encoder else []

    @property
    def cost_forwards(self) -> float:
        """What a pair costs in forward passes, by the layers that run."""
        if not self._encoder:
            return float(len(self.ablations))
        n_layers = len(self._encoder.layers)
        paths = [tuple(layer.key for layer in one) for one in self._plan]
        return sum(len({path[: n + 1] for path in paths}) for n in range(n_layers)) / n_layers

    def __call__(self, rows: Sequence[int]) -> np.ndarray:
        """The scores of a batch, which is held in memory at once."""
        batch = self.reranker.collate([self.encoded[row] for row in rows])
        scores = np.empty((len(self.ablations), len(rows)), dtype=self.dtype)
        work = "ranking" if self.read is None else "attribution"
        with torch.inference_mode(), self.reranker.precision(work):
            if self._encoder:
                for number, logits in self._encoder.ablated(batch, self._plan):
                    scores[number] = self._value(logits)
                return scores
            for number, neurons in enumerate(self.ablations):
                with switched_off(self.reranker, neurons):
                    scores[number] = self._value(self.reranker.model(**batch).logits)
        return scores

    def _value(self, logits: torch.Tensor) -> np.ndarray:
        if self.read is None:
            return self.reranker.log_probabilities(logits)[:, 1].cpu().float().numpy()
        return self.read(logits).cpu().double().numpy()


def switched_off(reranker: Reranker, selected: Selected) -> AbstractContextManager:
    """Within the block, the outputs ``selected`` of the ranker's modules give their values."""
    modules: dict[nn.Module, list[tuple[int | None, Off]]] = {}
    for block, off in selected.items():
        modules.setdefault(block.module, []).append((block.call, off.to(reranker.device)))

    def put(parts: list[tuple[int | None, Off]]) -> Tap:
        def tap(call: int, output: torch.Tensor) -> torch.Tensor:
            for its_call, off in parts:
                if its_call in (None, call):
                    output = off.into(output)
            return output

        return tap

    return tapped(reranker.model, {module: put(parts) for module, parts in modules.items()})
