"""Scale the outputs of modules in the model's own forward pass, with hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from relevance_neurons.attribution.scaled_modules import Found, Point, Question, rows_of
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.taps import Tap, tapped


class StockModules:
    """The model's own forward pass, for every architecture; as ``ScaledModules``.

    A module that runs again in a pass (DeBERTa's, over relative positions) is scaled in all of its
    runs, as an ablation switches it off in all. There it puts out the same for all rows of a pass,
    so that such a pass has one row. ``run_again`` are the blocks of such modules.
    """

    def __init__(
        self, question: Question, encoded: Sequence[EncodedPair], run_again: frozenset[Block]
    ) -> None:
        self.question, self._run_again = question, run_again
        self.inputs = question.reranker.collate(encoded)

    def at_input(self) -> Found:
        """As ``ScaledModules``: one pass, with all modules at α = 1."""
        blocks, pairs = self.question.reranker.neurons.blocks, [*range(self._n_pairs)]
        found = Found([], [])
        for rows in [[pair] for pair in pairs] if self._run_again else [pairs]:
            parts = dict.fromkeys(blocks, slice(0, len(rows)))
            values, slopes = self._pass(parts, rows, [1.0] * len(rows))
            found.values.extend(values)
            found.slopes.extend(np.concatenate([slopes[block] for block in blocks], axis=1))
        return found

    def at(self, points: Sequence[Point]) -> Found:
        """As ``ScaledModules``; a pass for each point of a module that runs again."""
        together = [point for point in points if point.block not in self._run_again]
        alone = [[point] for point in points if point.block in self._run_again]
        found: dict[Point, tuple[float, np.ndarray]] = {}
        for some in [together, *alone] if together else alone:
            _, pairs, alphas = zip(*some, strict=True)
            values, by_block = self._pass(rows_of(some), pairs, alphas)
            slopes = [row for of_block in by_block.values() for row in of_block]
            found |= zip(some, zip(values, slopes, strict=True), strict=True)
        return Found([found[one][0] for one in points], [found[one][1] for one in points])

    def cost(self, block: Block) -> float:
        """As ``ScaledModules``: all the way up, and back to the module's layer."""
        n_layers = self.question.reranker.neurons.n_layers
        return 1 + (n_layers - block.layer) / n_layers

    @property
    def _n_pairs(self) -> int:
        return len(self.inputs["input_ids"])

    def _pass(
        self, parts: Mapping[Block, slice], pairs: Sequence[int], alphas: Sequence[float]
    ) -> tuple[list[float], dict[Block, np.ndarray]]:
        """F of each row, and each block's slopes in its own rows, shape (n_rows, size)."""
        question, reranker = self.question, self.question.reranker
        factors = question.factors(alphas, parts)
        inputs = {name: x[list(pairs)] for name, x in self.inputs.items()}
        with (
            torch.enable_grad(),
            reranker.precision("attribution"),
            tapped(reranker.model, self._taps(parts, factors)),
        ):
            values = question.value(reranker.model(**inputs).logits)
            return question.derived(values, factors)

    def _taps(
        self, parts: Mapping[Block, slice], factors: Mapping[Block, torch.Tensor]
    ) -> dict[nn.Module, Tap]:
        """What puts each block's outputs, in its own rows, between the reference and themselves."""
        modules: dict[nn.Module, list[Block]] = {}
        for block in parts:
            modules.setdefault(block.module, []).append(block)

        def scale(own: Sequence[Block]) -> Tap:
            def tap(call: int, output: torch.Tensor) -> torch.Tensor:
                changed = output.clone()
                for block in own:
                    if block.call in (None, call):
                        place = parts[block], ..., block.columns
                        changed[place] = self.question.between(block, output[place], factors[block])
                return changed

            return tap

        return {module: scale(own) for module, own in modules.items()}


def blocks_that_run_again(reranker: Reranker, pair: EncodedPair) -> frozenset[Block]:
    """The blocks whose module, their layer's own, runs more than once in a pass."""
    runs: Counter[nn.Module] = Counter()
    blocks = reranker.neurons.blocks

    def count(module: nn.Module) -> Tap:
        return lambda _call, _output: runs.update([module])

    taps = {block.module: count(block.module) for block in blocks}
    with torch.inference_mode(), reranker.precision("attribution"), tapped(reranker.model, taps):
        reranker.model(**reranker.collate([pair]))
    return frozenset(block for block in blocks if block.call is None and runs[block.module] > 1)
