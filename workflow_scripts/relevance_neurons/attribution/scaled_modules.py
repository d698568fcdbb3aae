"""F of a few pairs while the outputs of one module lie between a reference and themselves.

At a point α a module puts out r + α (y − r) at every token; everything below stays as it is, and
what is above runs on. With a factor of each neuron's own in place of α, all of them equal, the
derivative of F by a factor is Σ_tokens (y − r) ∂F/∂y: one backward pass gives it for every neuron
of the module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch

from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.reranker import Reranker


class Point(NamedTuple):
    """Where F is asked for: a module, the place of a pair in its batch, and α."""

    block: Block
    pair: int
    alpha: float


class Found(NamedTuple):
    """F of some rows, and Σ_tokens (y − r) ∂F/∂y of neurons there: an array for each row."""

    values: list[float]
    slopes: list[np.ndarray]


class ScaledModules(Protocol):
    """A few pairs in a ranker whose modules can be scaled, one of them in each row of a pass."""

    def at_input(self) -> Found:
        """F of each pair as it is, and the slopes of all neurons there, shape (n_neurons,).

        To be called before ``at``.
        """

    def at(self, points: Sequence[Point]) -> Found:
        """F and the slopes of the module's neurons, shape (size,), at each point, in one pass.

        Points of a module lie beside each other.
        """

    def cost(self, block: Block) -> float:
        """What a point of the module costs in forward passes, by the share of layers that run."""


@dataclass(frozen=True)
class Question:
    """What is asked of a ranker: the change of the ``target`` of ``label``, as modules are scaled.

    ``references``: what the neurons of each module give at α = 0, float64, shape (size,).
    """

    reranker: Reranker
    label: str
    target: str
    references: Mapping[Block, torch.Tensor]

    @classmethod
    def of(
        cls, reranker: Reranker, label: str, target: str, reference_values: np.ndarray | None
    ) -> Question:
        """With the ``reference_values`` of all neurons, shape (n_neurons,); None: 0."""
        values = np.zeros(len(reranker.neurons)) if reference_values is None else reference_values
        vector = torch.tensor(values, dtype=torch.float64, device=reranker.device)
        blocks = reranker.neurons.blocks
        return cls(reranker, label, target, {block: vector[block.slice] for block in blocks})

    def factors(
        self, alphas: Sequence[float], parts: Mapping[Block, slice]
    ) -> dict[Block, torch.Tensor]:
        """A factor for each neuron in the rows of its module: shape (n_rows, 1, size)."""
        kind = next(self.reranker.model.parameters()).dtype
        rows = torch.tensor(alphas, dtype=kind, device=self.reranker.device)[:, None, None]
        return {
            block: rows[own].repeat(1, 1, block.size).requires_grad_(True)
            for block, own in parts.items()
        }

    def between(self, block: Block, output: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        """r + factor · (y − r), exact at 0 and at 1."""
        start = self.references[block].to(factors.dtype).expand(output.shape)
        return torch.lerp(start, output.to(factors.dtype), factors).to(output.dtype)

    def value(self, logits: torch.Tensor) -> torch.Tensor:
        """F of each row."""
        return self.reranker.target_value(logits, self.label, self.target)

    def derived(
        self, values: torch.Tensor, factors: Mapping[Block, torch.Tensor]
    ) -> tuple[list[float], dict[Block, np.ndarray]]:
        """F of each row, and its derivatives by the factors of each module: (n_rows, size).

        Raises ``UserError`` for what is no finite number.
        """
        found = torch.autograd.grad(
            values.sum(), list(factors.values()), allow_unused=True, materialize_grads=True
        )
        check_finite(values, *found)
        slopes = [one[:, 0].double().cpu().numpy() for one in found]
        return values.detach().double().tolist(), dict(zip(factors, slopes, strict=True))


def rows_of(points: Sequence[Point]) -> dict[Block, slice]:
    """The rows of each module, which are neighbours."""
    parts: dict[Block, slice] = {}
    for row, point in enumerate(points):
        first = parts[point.block].start if point.block in parts else row
        parts[point.block] = slice(first, row + 1)
    return parts
