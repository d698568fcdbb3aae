"""One layer of a BERT-type encoder in our own steps: whole, or from the first step that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from relevance_neurons.rankers.kernels import FrozenLinear, joined, product_gelu, product_plus
from relevance_neurons.rankers.switched_off import Off

StepsOff = Mapping[str, Off]
"""Outputs switched off in one layer, by the step that computes them.

Those of "intermediate" stand as "activated": as what comes out of the activation function.
"""


@dataclass
class LayerStates:
    """What a layer computes without ablation, each of shape (n_rows, n_tokens or 1, width)."""

    projections: tuple[torch.Tensor, ...]
    skipped: torch.Tensor
    attention_sum: torch.Tensor
    attended: torch.Tensor
    activated: torch.Tensor
    ff_sum: torch.Tensor


class Layer:
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

    def finish(
        self, hidden: torch.Tensor, mask: torch.Tensor | None, known: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """The layer's output from its input and what is ``known`` of its steps; gradients flow.

        ``known`` has some of the steps that ``trace`` shows: the projections, or
        "attention_output" and, if they are not to be computed from it, "intermediate" or
        "ff_output".
        """
        projected = known.get("attention_output")
        if projected is None:
            projections = [known[step] for step in self.projections]
            projected = self.attention_output(self._mix(projections, mask))
        attended = self.attention_norm(projected + (hidden[:, :1] if self.last else hidden))
        output = known.get("ff_output")
        if output is None:
            intermediate = known.get("intermediate")
            if intermediate is None:
                intermediate = self.intermediate(attended)
            output = self.ff_output(self.activation(intermediate))
        return self.ff_norm(output + attended)

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

    def above_heads(self, attended_sum: torch.Tensor) -> torch.Tensor:
        """The layer's output from what attention puts out and the layer adds to, summed up."""
        attended = self.attention_norm(attended_sum)
        return self.ff_norm(product_plus(self.ff_output, self._activated(attended, {}), attended))

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

    def project(self, hidden: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Query, key and value of all heads; of the last layer the query of the first token."""
        return self._parted(self._project(hidden)[1])

    def _parted(self, projections: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        if self.last:
            return (projections[0], *projections[1].chunk(2, -1))
        return projections[0].chunk(3, -1)

    def _project(self, hidden: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """What the layer adds to, and query, key and value: one tensor, or two in the last."""
        skipped = hidden[:, :1] if self.last else hidden
        if self.last:
            query, key_value = self.projections.values()
            return skipped, (query(skipped), key_value(hidden))
        return skipped, (self.projections["qkv"](hidden),)

    def _mix(self, projections, mask: torch.Tensor | None) -> torch.Tensor:
        """Attention of all heads, shape (n_rows, n_tokens or 1, width)."""
        heads = [
            x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for x in self._parted(projections)
        ]
        context = scaled_dot_product_attention(*heads, attn_mask=mask)
        return context.transpose(1, 2).flatten(2)

    def _activated(self, attended: torch.Tensor, off: StepsOff) -> torch.Tensor:
        """The feed-forward's inner states after their activation, some switched off before it."""
        activated = product_gelu(self.intermediate, self.activation, attended)
        if "activated" in off:
            off["activated"].into(activated, in_place=True)
        return activated


def _without(total: torch.Tensor, rest: torch.Tensor, off: StepsOff, step: str) -> torch.Tensor:
    """``total`` = a step's output + ``rest``, the step's outputs in ``off`` at their values."""
    if step not in off:
        return total
    return total.index_copy(-1, off[step].columns, off[step].added_to(rest))
