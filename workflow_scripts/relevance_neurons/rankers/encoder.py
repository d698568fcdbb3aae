"""The forward pass of a BERT-type encoder in our own steps.

It computes less than the model's own: query, key and value are one product, and the last layer
runs at the first token alone, the only one that the ranker reads (its keys and values still need
every token). Many ablations of one batch share what is the same in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import nn

from relevance_neurons.rankers.architectures import Architecture, encoder_layers
from relevance_neurons.rankers.encoder_layer import Layer, StepsOff
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.switched_off import Off

Tap = Callable[[int, str, torch.Tensor], None]
"""Given a layer, the name of a step and its output, shape (n_rows, n_tokens or 1, width)."""


class LayerOff:
    """Outputs switched off in one layer, with a ``key`` that tells whether two are the same."""

    def __init__(self, steps: StepsOff) -> None:
        self.steps = steps
        self.key = tuple(sorted((step, off.key) for step, off in steps.items()))


class Encoder:
    """Logits of a sequence classifier with a BERT-type encoder (see ``descriptions.BERT``)."""

    def __init__(self, model: nn.Module, architecture: Architecture) -> None:
        self.model = model
        layers = encoder_layers(model, architecture)
        self.layers = [Layer(layer, layer is layers[-1]) for layer in layers]

    def embed(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What enters the first layer, and the attention mask: None where nothing is padding."""
        others = {name: x for name, x in inputs.items() if name != "attention_mask"}
        hidden = self.model.base_model.embeddings(**others)
        if hasattr(self.model.base_model, "embeddings_project"):  # ELECTRA's small embeddings
            hidden = self.model.base_model.embeddings_project(hidden)
        mask = inputs["attention_mask"][:, None, None, :].bool()
        return hidden, None if bool(mask.all()) else mask

    def trace(self, inputs: Mapping[str, torch.Tensor], tap: Tap) -> torch.Tensor:
        """Logits, shape (n_rows, n_logits), every step of every layer shown to ``tap``.

        Steps: "qkv" ("query" and "key_value" in the last layer), "attention_output",
        "intermediate", "ff_output" and "layer", the residual stream after the layer.
        """
        return self.trace_embedded(*self.embed(inputs), tap)

    def trace_embedded(
        self, hidden: torch.Tensor, mask: torch.Tensor | None, tap: Tap
    ) -> torch.Tensor:
        """As ``trace``, from what ``embed`` returns."""
        for number, layer in enumerate(self.layers):
            hidden = layer.trace(hidden, mask, lambda step, x, n=number: tap(n, step, x))
        return self._head(hidden)

    def trace_joining(
        self, joining: Callable[[int], list[torch.Tensor]], mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Logits of rows that start at different layers; gradients flow.

        ``joining`` gives what some rows leave a layer with: from there on they run beside those
        that started below. ``mask`` is that of all rows, in the order in which they join.
        """
        rows: list[torch.Tensor] = []
        for number, layer in enumerate(self.layers):
            if rows:
                (hidden,) = rows
                own_mask = None if mask is None else mask[: len(hidden)]
                rows = [layer.trace(hidden, own_mask, lambda *_: None)]
            rows += joining(number)
            rows = [torch.cat(rows)] if rows else []
        return self._head(rows[0])

    def trace_above(
        self, layer: int, hidden: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Logits from what a layer leaves at all tokens; gradients flow.

        Above the last layer only the head runs, which reads the first token.
        """
        for above in self.layers[layer + 1 :]:
            hidden = above.trace(hidden, mask, lambda *_: None)
        return self._head(hidden)

    def run_above(
        self, layer: int, hidden: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """As ``trace_above``, faster and without gradients."""
        for above in self.layers[layer + 1 :]:
            _, hidden = above.run(hidden, mask, {})
        return self._head(hidden)

    def place(self, block: Block) -> tuple[int, str, int]:
        """Layer, step and first column of a block's neurons in what ``trace`` shows."""
        return block.layer, *self.layers[block.layer].place(block.component)

    def plan(self, ablations: Sequence[Mapping[Block, Off]]) -> list[list[LayerOff]]:
        """What each ablation switches off in each layer.

        An ablation maps blocks to the outputs of their modules that are switched off.
        """
        return [self._layers_off(ablation) for ablation in ablations]

    def ablated(
        self, inputs: Mapping[str, torch.Tensor], plan: Sequence[Sequence[LayerOff]]
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield each ablation's number and its logits, shape (n_rows, n_logits).

        Ablations that agree in the first layers share them, and those that part in a layer share
        what it computes before its first neuron switched off.
        """
        hidden, mask = self.embed(inputs)
        yield from self._below(0, hidden, mask, range(len(plan)), plan)

    def _below(self, number: int, hidden, mask, members: Sequence[int], plan) -> Iterator:
        """Logits of the ``members`` of the plan, from the input ``hidden`` of a layer.

        Depth first, and the ablations that leave the layer whole last, so that few states are held.
        """
        if number == len(self.layers):
            logits = self._head(hidden)
            yield from ((member, logits) for member in members)
            return
        layer, groups = self.layers[number], _grouped(members, plan, number)
        if len(groups) == 1:
            _, hidden = layer.run(hidden, mask, plan[members[0]][number].steps)
            yield from self._below(number + 1, hidden, mask, members, plan)
            return
        states, whole = layer.run(hidden, mask, {})
        for group in groups:
            off = plan[group[0]][number].steps
            if not off:
                states, hidden = None, whole
            else:
                hidden = layer.resume(states, mask, off)
            yield from self._below(number + 1, hidden, mask, group, plan)

    def _layers_off(self, ablation: Mapping[Block, Off]) -> list[LayerOff]:
        parts: list[dict[str, list[tuple[int, Off]]]] = [{} for _ in self.layers]
        for block, off in ablation.items():
            _, step, first = self.place(block)
            parts[block.layer].setdefault(step, []).append((first, off))
        device = next(self.model.parameters()).device
        found = []
        for layer, steps in zip(self.layers, parts, strict=True):
            joint = {step: Off.joined(some) for step, some in steps.items()}
            if "intermediate" in joint:
                joint["activated"] = joint.pop("intermediate").through(layer.activation)
            found.append(LayerOff({step: off.to(device) for step, off in joint.items()}))
        return found

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        pooler = getattr(self.model.base_model, "pooler", None)
        return self.model.classifier(hidden if pooler is None else pooler(hidden))


def _grouped(members: Sequence[int], plan, layer: int) -> list[list[int]]:
    """The members, together where they agree in the layer; those that leave it whole last."""
    groups: dict[tuple, list[int]] = {}
    for member in members:
        groups.setdefault(plan[member][layer].key, []).append(member)
    return [groups[key] for key in sorted(groups, reverse=True)]
