"""What is kept of evaluated points of a path, and how it is reduced to a number per neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from relevance_neurons.attribution.tracing import CUT, Traced
from relevance_neurons.rankers.kernels import matrix_precision


@dataclass(frozen=True)
class Rows:
    """Points of one path with their outputs and gradients by key: (n_points, n_tokens, width)."""

    points: tuple[float, ...]
    outputs: dict[object, torch.Tensor]
    gradients: dict[object, torch.Tensor]

    def __len__(self) -> int:
        return len(self.points)

    @property
    def bytes_each(self) -> int:
        """Memory that one point takes."""
        return 2 * sum(output[0].nbytes for output in self.outputs.values())


def rows_at(points: Sequence[float], places: Mapping[float, tuple[Rows, int]]) -> Rows:
    """A copy of the rows of ``points``, so that all others can go."""
    found = [places[point] for point in points]
    keys = found[0][0].outputs if found else ()
    return Rows(
        tuple(points),
        {key: torch.stack([rows.outputs[key][i] for rows, i in found]) for key in keys},
        {key: torch.stack([rows.gradients[key][i] for rows, i in found]) for key in keys},
    )


class CutRows:
    """The residual stream after the middle layer, and ∂F/∂ of it, at some points of a path."""

    def __init__(self) -> None:
        self._rows: dict[float, tuple[torch.Tensor, torch.Tensor]] = {}

    def add(self, points: Sequence[float], traced: Traced) -> None:
        """Take a row of ``traced`` for each point."""
        rows = zip(traced.outputs[CUT].clone(), traced.gradients[CUT].clone(), strict=True)
        self._rows.update(zip(points, rows, strict=True))

    def forget_all_but(self, points: Sequence[float]) -> None:
        """Let the rows of all other points go."""
        self._rows = {point: self._rows[point] for point in points if point in self._rows}

    def products(self, points: Sequence[float]) -> np.ndarray:
        """⟨g(α_k), y(α_l)⟩ over the whole stream, shape (n_points, n_points)."""
        rows = [self._rows[point] for point in points]
        outputs, gradients = (
            torch.stack(part).flatten(1).double() for part in zip(*rows, strict=True)
        )
        return (gradients @ outputs.T).cpu().numpy()


def reduced(
    matrix: torch.Tensor, parts: Sequence[tuple[torch.Tensor, torch.Tensor]]
) -> torch.Tensor:
    """Σ_tokens of ``reduced_by_token``: shape (width,)."""
    return reduced_by_token(matrix, parts).sum(dim=0)


def reduced_by_token(
    matrix: torch.Tensor, parts: Sequence[tuple[torch.Tensor, torch.Tensor]]
) -> torch.Tensor:
    """Σ_{k,l} M[k, l] g_k · y_l of every neuron at every token: shape (n_tokens, width).

    ``parts`` are outputs and gradients, each of shape (n_points, n_tokens, width); the matrix is
    that of all their points, in this order. The points differ little, so the differences of their
    outputs need every bit of the products.
    """
    outputs = [output for output, _ in parts]
    _, n_tokens, width = outputs[0].shape
    kind = torch.promote_types(outputs[0].dtype, torch.float32)
    sizes = [len(output) for output in outputs]
    weights = matrix.to(kind).split(sizes)
    total = torch.zeros(n_tokens * width, dtype=kind, device=outputs[0].device)
    with matrix_precision("highest"):
        for its_weights, (_, gradient) in zip(weights, parts, strict=True):
            each = its_weights.split(sizes, dim=1)
            products = each[0] @ outputs[0].reshape(sizes[0], -1).to(kind)
            for other_weights, other in zip(each[1:], outputs[1:], strict=True):
                products.addmm_(other_weights, other.reshape(len(other), -1).to(kind))
            total += products.mul_(gradient.reshape(len(gradient), -1)).sum(dim=0)
    return total.view(n_tokens, width)
