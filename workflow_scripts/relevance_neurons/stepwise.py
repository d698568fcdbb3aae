"""The forward pass of a BERT-type encoder in steps, so that it can start in the middle.

Under an ablation everything before the first neuron switched off is as without it: it is computed
once and kept for a batch. The last layer runs at the first token alone where only that token is
read (its keys and values still need every token).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from relevance_neurons.architectures import Architecture, encoder_layers
from relevance_neurons.neurons import Block

Off = Mapping[str, torch.Tensor]
"""Outputs switched off in one layer: component -> sorted indices."""


@dataclass
class LayerStates:
    """What a layer computes without ablation, each of shape (n_rows, n_tokens or 1, width)."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    attention_output: torch.Tensor
    attended: torch.Tensor
    intermediate: torch.Tensor
    ff_output: torch.Tensor
    skipped: torch.Tensor


@dataclass
class BatchStates:
    """All layers' states of a batch, and what every layer needs beside them."""

    layers: list[LayerStates]
    mask: torch.Tensor | None
    last: torch.Tensor


class StepwiseEncoder:
    """Logits of a sequence classifier with a BERT-type encoder (see ``architectures.BERT``)."""

    def __init__(self, model: nn.Module, architecture: Architecture) -> None:
        self.model = model
        self.layers = [_Layer(layer) for layer in encoder_layers(model, architecture)]

    def states(self, batch: Mapping[str, torch.Tensor]) -> BatchStates:
        """Run the batch (input_ids, attention_mask, …) without ablation and keep every step."""
        inputs = {name: x for name, x in batch.items() if name != "attention_mask"}
        hidden = self.model.base_model.embeddings(**inputs)
        if hasattr(self.model.base_model, "embeddings_project"):  # ELECTRA's small embeddings
            hidden = self.model.base_model.embeddings_project(hidden)
        mask = batch["attention_mask"][:, None, None, :].bool()
        states = BatchStates([], None if bool(mask.all()) else mask, hidden)
        for number, layer in enumerate(self.layers):
            step, hidden = layer.run(hidden, states.mask, {}, self._is_last(number))
            states.layers.append(step)
        states.last = hidden
        return states

    def logits(self, states: BatchStates, neurons: Mapping[Block, torch.Tensor]) -> torch.Tensor:
        """Logits, shape (n_rows, n_logits), with the outputs in ``neurons`` switched off."""
        off: dict[int, dict[str, torch.Tensor]] = {}
        for block, indices in neurons.items():
            off.setdefault(block.layer, {})[block.component] = indices.to(states.last.device)
        if not off:
            return self._head(states.last)
        first = min(off)
        hidden = self.layers[first].resume(states.layers[first], states.mask, off[first])
        for number in range(first + 1, len(self.layers)):
            _, hidden = self.layers[number].run(
                hidden, states.mask, off.get(number, {}), self._is_last(number)
            )
        return self._head(hidden)

    def _is_last(self, number: int) -> bool:
        return number == len(self.layers) - 1

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        pooler = getattr(self.model.base_model, "pooler", None)
        return self.model.classifier(hidden if pooler is None else pooler(hidden))


class _Layer:
    """One encoder layer: attention, add and norm, feed-forward, add and norm."""

    def __init__(self, layer: nn.Module) -> None:
        attention = layer.attention.self
        self.query, self.key, self.value = attention.query, attention.key, attention.value
        self.n_heads = attention.num_attention_heads
        self.attention_output = layer.attention.output.dense
        self.attention_norm = layer.attention.output.LayerNorm
        self.intermediate = layer.intermediate.dense
        self.activation = layer.intermediate.intermediate_act_fn
        self.ff_output = layer.output.dense
        self.ff_norm = layer.output.LayerNorm

    def run(
        self, hidden: torch.Tensor, mask: torch.Tensor | None, off: Off, first_token_only: bool
    ) -> tuple[LayerStates, torch.Tensor]:
        """The whole layer from its input; returns its steps and its output."""
        skipped = hidden[:, :1] if first_token_only else hidden
        query = _switch(self.query(skipped), off, "query")
        key = _switch(self.key(hidden), off, "key")
        value = _switch(self.value(hidden), off, "value")
        projected = self._attend(query, key, value, mask)
        _switch(projected, off, "attention_output")
        attended = self.attention_norm(projected + skipped)
        intermediate = _switch(self.intermediate(attended), off, "intermediate")
        output = _switch(self.ff_output(self.activation(intermediate)), off, "ff_output")
        states = LayerStates(query, key, value, projected, attended, intermediate, output, skipped)
        return states, self.ff_norm(output + attended)

    def resume(self, states: LayerStates, mask: torch.Tensor | None, off: Off) -> torch.Tensor:
        """The layer's output with ``off`` switched off, from the first step that it changes."""
        attended = self._resume_attention(states, mask, off)
        if attended is states.attended and "intermediate" not in off:
            output = states.ff_output
        else:
            intermediate = states.intermediate
            if attended is not states.attended:
                intermediate = self.intermediate(attended)
            intermediate = _switched(intermediate, off, "intermediate")
            output = self.ff_output(self.activation(intermediate))
        return self.ff_norm(_switched(output, off, "ff_output") + attended)

    def _resume_attention(self, states: LayerStates, mask, off: Off) -> torch.Tensor:
        projected = states.attention_output
        if off.keys() & {"query", "key", "value"}:
            projected = self._attend(
                _switched(states.query, off, "query"),
                _switched(states.key, off, "key"),
                _switched(states.value, off, "value"),
                mask,
            )
        projected = _switched(projected, off, "attention_output")
        if projected is states.attention_output:
            return states.attended
        return self.attention_norm(projected + states.skipped)

    def _attend(self, query, key, value, mask) -> torch.Tensor:
        heads = [x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for x in (query, key, value)]
        context = scaled_dot_product_attention(*heads, attn_mask=mask)
        return self.attention_output(context.transpose(1, 2).flatten(2))


def _switch(output: torch.Tensor, off: Off, component: str) -> torch.Tensor:
    """``output`` with a component's neurons zeroed in place; for tensors that nobody keeps."""
    if component in off:
        output.index_fill_(-1, off[component], 0.0)
    return output


def _switched(output: torch.Tensor, off: Off, component: str) -> torch.Tensor:
    """As ``_switch`` on a copy, for states that later ablations need; itself if none is off."""
    return output.index_fill(-1, off[component], 0.0) if component in off else output
