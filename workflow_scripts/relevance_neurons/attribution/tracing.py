"""Run path points through a ranker and keep every neuron's output and gradient.

One forward and one backward pass give both for all neurons: the backward pass goes to the
outputs themselves and to the path variable, never to a weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.architectures import residual_cut
from relevance_neurons.rankers.encoder import Encoder
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.own_encoder import own_encoder
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.taps import tapped

CUT = "cut"
"""Key of the residual stream after the middle layer, on which every pair is checked."""
Tap = Callable[[object, torch.Tensor], None]
"""Given a key and the output that it stands for, shape (n_rows, n_tokens or 1, width)."""


class Tracer(Protocol):
    """What shows the outputs of all neurons in a forward pass, by some key."""

    places: Sequence[tuple[Block, object, slice]]
    """Each block, the key of the output that holds it, and its columns there."""

    def __call__(self, inputs: Mapping[str, torch.Tensor], tap: Tap) -> torch.Tensor:
        """Logits; each output, and that of ``CUT``, is shown to ``tap`` when it is computed."""


class StockTracer:
    """The model's own forward pass, with hooks: for every architecture."""

    def __init__(self, reranker: Reranker) -> None:
        self.model = reranker.model
        blocks = reranker.neurons.blocks
        self.places = [(block, (block.module, block.call or 0), block.columns) for block in blocks]
        module, call = residual_cut(reranker.model, reranker.architecture)
        self.cut = (module, call or 0)

    def __call__(self, inputs, tap):
        """As ``Tracer``."""
        wanted = {key for _, key, _ in self.places}

        def watch(module):
            def show(call: int, output: torch.Tensor) -> None:
                if (module, call) in wanted:
                    tap((module, call), output)
                if (module, call) == self.cut:
                    tap(CUT, output)

            return show

        modules = {module for module, _ in (*wanted, self.cut)}
        with tapped(self.model, {module: watch(module) for module in modules}):
            return self.model(**inputs).logits


class EncoderTracer:
    """Our own forward pass of a BERT-type encoder."""

    def __init__(self, encoder: Encoder, blocks: Iterable[Block]) -> None:
        self.encoder = encoder
        self.places = []
        for block in blocks:
            layer, step, column = encoder.place(block)
            self.places.append((block, (layer, step), slice(column, column + block.size)))
        self.cut = (len(encoder.layers) - 1) // 2

    def __call__(self, inputs, tap):
        """As ``Tracer``."""

        def show(layer: int, step: str, output: torch.Tensor) -> None:
            if step != "layer":
                tap((layer, step), output)
            elif layer == self.cut:
                tap(CUT, output)

        return self.encoder.trace(inputs, show)


@dataclass(frozen=True)
class Traced:
    """Points of some paths, a row each: F, its slope dF/dα, and each output y with ∂F/∂y."""

    values: torch.Tensor
    slopes: torch.Tensor
    outputs: dict[object, torch.Tensor] = field(repr=False)
    gradients: dict[object, torch.Tensor] = field(repr=False)

    def part(self, rows: slice) -> Traced:
        """Some of the rows, in the memory of all."""
        return Traced(
            self.values[rows],
            self.slopes[rows],
            {key: output[rows] for key, output in self.outputs.items()},
            {key: gradient[rows] for key, gradient in self.gradients.items()},
        )


def trace(
    reranker: Reranker,
    tracer: Tracer,
    starts: torch.Tensor,
    changes: torch.Tensor,
    alphas: torch.Tensor,
    others: Mapping[str, torch.Tensor],
    label: str,
    target: str,
) -> Traced:
    """Evaluate the rows x' + α (x − x').

    ``starts`` (x') and ``changes`` (x − x') have shape (n_rows, n_tokens, width), ``alphas``
    (n_rows,); ``others`` are the model's other inputs, one row each.
    """
    line = (starts + alphas.to(starts)[:, None, None] * changes).requires_grad_(True)
    outputs: dict[object, torch.Tensor] = {}
    with torch.enable_grad(), reranker.precision("attribution"):
        logits = tracer({"inputs_embeds": line, **others}, outputs.__setitem__)
        value = reranker.target_value(logits, label, target)
        moving = {key: output for key, output in outputs.items() if output.requires_grad}
        found = torch.autograd.grad(value.sum(), [line, *moving.values()], allow_unused=True)
    known = dict(zip(moving, found[1:], strict=True))
    gradients = {  # none where F does not read it, or the path does not move it (T5's decoder)
        key: torch.zeros_like(output) if known.get(key) is None else known[key]
        for key, output in outputs.items()
    }
    slopes = (found[0] * changes).double().sum(dim=(1, 2))
    values = {key: output.detach() for key, output in outputs.items()}
    return Traced(value.detach().double().cpu(), slopes.cpu(), values, gradients)


def find_tracer(reranker: Reranker, encoded: Sequence[EncodedPair]) -> Tracer:
    """Our own forward pass where it gives the stock model's logits, else the model's."""
    encoder = own_encoder(reranker, encoded, lambda own, x: own.trace(x, lambda *_: None))
    return EncoderTracer(encoder, reranker.neurons.blocks) if encoder else StockTracer(reranker)


def check_finite(*values: torch.Tensor) -> None:
    """Raise ``UserError`` unless all of what came out of the ranker are finite numbers."""
    if not all(bool(torch.isfinite(one).all()) for one in values):
        raise UserError(
            "attribution: the ranker's score or its slope is not a finite number; its "
            "weights may be broken, or the dtype too narrow: try float32"
        )
