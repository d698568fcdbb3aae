"""The neurons of a ranker: every output of every linear transformation of its encoder."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import nn

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.architectures import (
    Architecture,
    component_columns,
    encoder_layers,
    layer_calls,
)
from relevance_neurons.rankers.components import COMPONENTS, NEURON_COLUMNS
from relevance_neurons.rankers.switched_off import Off
from relevance_neurons.running.frames import as_named_neurons, as_polars


@dataclass(frozen=True)
class Block:
    """Neurons that are neighbours in a module's output: all of it, or some of its columns.

    They are numbers ``start`` to ``start + size - 1`` of all neurons, numbers ``first_neuron`` and
    up of their layer's component, and columns ``column`` and up of the output of ``module``.
    ``call`` says in which of the module's calls in a forward pass (from 0) they are computed,
    where layers share a module. None: the module is its layer's own. Its first call computes
    them, and a later one (DeBERTa's of relative positions) does not depend on the input.
    """

    layer: int
    component: str
    start: int
    size: int
    module: nn.Module
    first_neuron: int = 0
    column: int = 0
    call: int | None = None

    @property
    def slice(self) -> builtins.slice:
        """Where the block lies in a vector of all neurons."""
        return slice(self.start, self.start + self.size)

    @property
    def columns(self) -> builtins.slice:
        """Where the block lies in its module's output."""
        return slice(self.column, self.column + self.size)


class Neurons:
    """All neurons of a ranker, numbered in the order layer, component, neuron.

    Vectors over neurons everywhere in the library have shape ``(len(neurons),)`` and this order.
    """

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.blocks = tuple(blocks)
        self._by_name: dict[tuple[int, str], list[Block]] = {}
        for block in self.blocks:
            self._by_name.setdefault((block.layer, block.component), []).append(block)

    @classmethod
    def of(cls, model: nn.Module, architecture: Architecture) -> Neurons:
        """The neurons of ``model``, found by its architecture's description."""
        blocks, start = [], 0
        layers = encoder_layers(model, architecture)
        for layer, (module, call) in enumerate(zip(layers, layer_calls(layers), strict=True)):
            for component in COMPONENTS:
                number = 0
                for one in component_columns(module, architecture, component):
                    place = (start, one.size, one.module, number, one.column, call)
                    blocks.append(Block(layer, component, *place))
                    start, number = start + one.size, number + one.size
        return cls(blocks)

    def __len__(self) -> int:
        return self.blocks[-1].start + self.blocks[-1].size

    @property
    def n_layers(self) -> int:
        """Number of layers; a shared one counts as often as it runs, a decoder's count on."""
        return self.blocks[-1].layer + 1

    def frame(self) -> pl.DataFrame:
        """A row per neuron, in order: layer (from 0), component, neuron (from 0)."""
        sizes = [block.size for block in self.blocks]
        numbers = [block.first_neuron + np.arange(block.size) for block in self.blocks]
        return pl.DataFrame(
            {
                "layer": np.repeat([block.layer for block in self.blocks], sizes).astype(np.int32),
                "component": np.repeat([block.component for block in self.blocks], sizes),
                "neuron": np.concatenate(numbers).astype(np.int32),
            }
        )

    def numbers(self, neurons: pl.DataFrame) -> np.ndarray:
        """Where the neurons of a frame, all of this ranker, lie in a vector of all neurons."""
        starts = pl.DataFrame(
            [(*name, blocks[0].start) for name, blocks in self._by_name.items()],
            schema={"layer": pl.Int32, "component": pl.String, "start": pl.Int64},
            orient="row",
        )
        place = ["layer", "component"]
        frame = neurons.select(pl.col("layer").cast(pl.Int32), "component", "neuron")
        found = frame.join(starts, on=place, how="left", maintain_order="left")
        return (found["start"] + found["neuron"]).to_numpy()

    def select(self, neurons: pl.DataFrame) -> dict[Block, torch.Tensor]:
        """The neurons of a frame (layer, component, neuron), grouped by their block.

        Returns, per block with at least one, the sorted columns of its module's output.
        Raises ``UserError`` for a neuron that the ranker does not have, and for an empty frame.
        """
        return {block: off.columns for block, off in self.off(neurons).items()}

    def off(self, neurons: pl.DataFrame) -> dict[Block, Off]:
        """As ``select``, with what the neurons give instead: their ``value``, 0 without it.

        Raises ``UserError`` also for a value that is no finite number, and for two of one neuron.
        """
        neurons = checked_neurons(neurons)
        selected: dict[Block, Off] = {}
        for (layer, component), group in neurons.group_by(
            "layer", "component", maintain_order=True
        ):
            blocks = self._named(layer, component)
            size = sum(block.size for block in blocks)
            numbers, first = np.unique(group["neuron"].to_numpy(), return_index=True)
            values = _values(group)
            if (values != values[first][np.searchsorted(numbers, group["neuron"])]).any():
                raise UserError(
                    f"neurons: a neuron of layer {layer} {component} has two values; give it one"
                )
            if numbers[0] < 0 or numbers[-1] >= size:
                wrong = numbers[0] if numbers[0] < 0 else numbers[-1]
                raise UserError(
                    f"neurons: layer {layer} {component} has no neuron {wrong}; "
                    f"it has 0 to {size - 1}"
                )
            for block in blocks:
                own = numbers.astype(np.int64) - block.first_neuron
                here = (own >= 0) & (own < block.size)
                if here.any():
                    columns = torch.from_numpy(own[here] + block.column)
                    selected[block] = Off.of(columns, torch.from_numpy(values[first][here]))
        return dict(sorted(selected.items(), key=lambda item: item[0].start))

    def _named(self, layer: int, component: str) -> list[Block]:
        try:
            return self._by_name[layer, component]
        except KeyError:
            components = ", ".join(dict.fromkeys(block.component for block in self.blocks))
            raise UserError(
                f"neurons: the ranker has no layer {layer} with component {component}; it has "
                f"layers 0 to {self.n_layers - 1} with {components}"
            ) from None


def checked_neurons(neurons: object) -> pl.DataFrame:
    """A user's frame of neurons, of polars or pandas, with the columns and types of a ranker's.

    Raises ``UserError`` for anything else, and for a frame without a row.
    """
    frame = as_named_neurons(as_polars(neurons, "neurons", NEURON_COLUMNS), "neurons")
    if frame.is_empty():
        raise UserError("neurons: nothing is selected; at least one neuron is needed")
    return frame


def _values(group: pl.DataFrame) -> np.ndarray:
    """What some neurons give while they are switched off: float64, shape (n_rows,)."""
    if "value" not in group.columns:
        return np.zeros(len(group))
    if not group["value"].dtype.is_numeric():
        raise UserError(f"neurons: value is of type {group['value'].dtype}; numbers are needed")
    values = group["value"].cast(pl.Float64).to_numpy()
    if not np.isfinite(values).all():
        layer, component, neuron = group.select(NEURON_COLUMNS).row(np.isfinite(values).argmin())
        raise UserError(
            f"neurons: the value of layer {layer} {component} neuron {neuron} is no finite number; "
            "one is needed"
        )
    return values
