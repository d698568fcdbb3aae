"""The forward pass of a BERT-type encoder in our own steps.

It computes less than the model's own: query, key and value are one product, and the last layer
runs at the first token alone, the only one that the ranker reads (its keys and values still need
every token). Many ablations of one batch share what is the same in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from relevance_neurons.rankers.architectures import Architecture, encoder_layers
from relevance_neurons.rankers.kernels import FrozenLinear, joined, product_gelu, product_plus
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.switched_off import Off

StepsOff = Mapping[str, Off]
"""Outputs switched off in one layer, by the step that computes them.

Those of "intermediate" stand as "activated": as what comes out of the activation function.
"""

Tap = Callable[[int, str, torch.Tensor], None]
"""Given a layer, the name of a step and its output, shape (n_rows, n_tokens or 1, width)."""


@dataclass
class LayerStates:
    """What a layer computes without ablation, each of shape (n_rows, n_tokens or 1, width)."""

    projections: tuple[torch.Tensor, ...]
    skipped: torch.Tensor
    attention_sum: torch.Tensor
    attended: torch.Tensor
    activated: torch.Tensor
    ff_sum: torch.Tensor


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
        self.layers = [_Layer(layer, layer is layers[-1]) for layer in layers]

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
        hidden, mask = self.embed(inputs)
        for number, layer in enumerate(self.layers):
            hidden = layer.trace(hidden, mask, lambda step, x, n=number: tap(n, step, x))
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


class _Layer:
    """One encoder layer: attention, add and norm, feed-forward, add and norm.

    ``last``: only the first token's output is wanted.
    """

    def __init__(self, layer: nn.Module, last: bool) -> None:
        attention = layer.attention.self
        self.last = last
        self.n_heads = attention.num_attention_heads
        self.attention_output = layer.attention.output.dense
        self.attention_norm = layer.attention.output.LayerNorm
        self.intermediate = layer.intermediate.dense
        self.activation = layer.intermediate.intermediate_act_fn
        self.ff_output = layer.output.dense
        self.ff_norm = layer.output.LayerNorm
        self.projections: dict[str, FrozenLinear] = (
            {"query": attention.query, "key_value": joined([attention.key, attention.value])}
            if last
            else {"qkv": joined([attention.query, attention.key, attention.value])}
        )

    def place(self, component: str) -> tuple[str, int]:
        """The step that computes a component, and the first of its columns there."""
        if component not in ("query", "key", "value"):
            return component, 0
        step = "qkv" if not self.last else "query" if component == "query" else "key_value"
        names = {"qkv": "query key value", "query": "query", "key_value": "key value"}[step]
        parts = names.split()
        return step, parts.index(component) * self.projections[step].out_features // len(parts)

    def trace(self, hidden: torch.Tensor, mask: torch.Tensor | None, tap) -> torch.Tensor:
        """The layer's output, with every step shown to ``tap``; gradients flow."""
        skipped, projections = self._project(hidden)
        for step, output in zip(self.projections, projections, strict=True):
            tap(step, output)
        projected = self.attention_output(self._mix(projections, mask))
        tap("attention_output", projected)
        attended = self.attention_norm(projected + skipped)
        intermediate = self.intermediate(attended)
        tap("intermediate", intermediate)
        output = self.ff_output(self.activation(intermediate))
        tap("ff_output", output)
        result = self.ff_norm(output + attended)
        tap("layer", result)
        return result

    def run(
        self, hidden: torch.Tensor, mask: torch.Tensor | None, off: StepsOff
    ) -> tuple[LayerStates, torch.Tensor]:
        """The whole layer from its input; returns its steps and its output."""
        skipped, projections = self._project(hidden)
        for step, output in zip(self.projections, projections, strict=True):
            if step in off:
                off[step].into(output, in_place=True)
        attention_sum = product_plus(self.attention_output, self._mix(projections, mask), skipped)
        attention_sum = _without(attention_sum, skipped, off, "attention_output")
        attended = self.attention_norm(attention_sum)
        activated = self._activated(attended, off)
        ff_sum = product_plus(self.ff_output, activated, attended)
        ff_sum = _without(ff_sum, attended, off, "ff_output")
        states = LayerStates(projections, skipped, attention_sum, attended, activated, ff_sum)
        return states, self.ff_norm(ff_sum)

    def resume(self, states: LayerStates, mask: torch.Tensor | None, off: StepsOff) -> torch.Tensor:
        """The layer's output with ``off`` switched off, from the first step that it changes."""
        attended = states.attended
        if off.keys() & {*self.projections, "attention_output"}:
            attended = self._attended_again(states, mask, off)
        if attended is not states.attended:
            activated = self._activated(attended, off)
        elif "activated" in off:
            activated = off["activated"].into(states.activated)
        else:
            return self.ff_norm(_without(states.ff_sum, attended, off, "ff_output"))
        ff_sum = product_plus(self.ff_output, activated, attended)
        return self.ff_norm(_without(ff_sum, attended, off, "ff_output"))

    def _attended_again(self, states: LayerStates, mask, off: StepsOff) -> torch.Tensor:
        attention_sum = states.attention_sum
        if off.keys() & set(self.projections):
            projections = [
                off[step].into(output) if step in off else output
                for step, output in zip(self.projections, states.projections, strict=True)
            ]
            mixed = self._mix(projections, mask)
            attention_sum = product_plus(self.attention_output, mixed, states.skipped)
        return self.attention_norm(_without(attention_sum, states.skipped, off, "attention_output"))

    def _project(self, hidden: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """What the layer adds to, and query, key and value: one tensor, or two in the last."""
        skipped = hidden[:, :1] if self.last else hidden
        if self.last:
            query, key_value = self.projections.values()
            return skipped, (query(skipped), key_value(hidden))
        return skipped, (self.projections["qkv"](hidden),)

    def _mix(self, projections, mask: torch.Tensor | None) -> torch.Tensor:
        """Attention of all heads, shape (n_rows, n_tokens or 1, width)."""
        query, key, value = (
            (*projections[:1], *projections[1].chunk(2, -1))
            if self.last
            else projections[0].chunk(3, -1)
        )
        heads = [x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for x in (query, key, value)]
        context = scaled_dot_product_attention(*heads, attn_mask=mask)
        return context.transpose(1, 2).flatten(2)

    def _activated(self, attended: torch.Tensor, off: StepsOff) -> torch.Tensor:
        """The feed-forward's inner states after their activation, some switched off before it."""
        activated = product_gelu(self.intermediate, self.activation, attended)
        if "activated" in off:
            off["activated"].into(activated, in_place=True)
        return activated


def _grouped(members: Sequence[int], plan, layer: int) -> list[list[int]]:
    """The members, together where they agree in the layer; those that leave it whole last."""
    groups: dict[tuple, list[int]] = {}
    for member in members:
        groups.setdefault(plan[member][layer].key, []).append(member)
    return [groups[key] for key in sorted(groups, reverse=True)]


def _without(total: torch.Tensor, rest: torch.Tensor, off: StepsOff, step: str) -> torch.Tensor:
    """``total`` = a step's output + ``rest``, the step's outputs in ``off`` at their values."""
    if step not in off:
        return total
    return total.index_copy(-1, off[step].columns, off[step].added_to(rest))
