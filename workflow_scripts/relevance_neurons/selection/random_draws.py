"""Random sets of neurons to compare a scheme's with: same number in each layer and component.

Beside a scheme of heads: whole heads, as many in each layer.
"""

from __future__ import annotations

import zlib

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.rankers.neurons import Block, Neurons

NEAREST = 10
"""Neurons of the most similar activation size, of which a matched draw takes one at random."""


class TooFewLeft(UserError):
    """More neurons of a component are selected than are left to draw from."""


def draw_like(selected: pl.DataFrame, neurons: Neurons, draw: int, seed: int) -> pl.DataFrame:
    """Random draw number ``draw``: as many neurons in each (layer, component) as in ``selected``.

    Where several modules make up a component (MonoT5), as many in each module.
    Drawn without replacement from all neurons of the ranker (METHOD: random baseline). The draw
    depends on these counts, its number and the seed alone: every collection meets the same sets,
    and so do schemes with equal counts, whose sets need to be re-ranked only once.
    """
    blocks = neurons.select(selected)
    counts = ";".join(f"{block.start}:{len(indices)}" for block, indices in blocks.items())
    rng = np.random.default_rng([seed, zlib.crc32(counts.encode()), draw])
    drawn = {
        block: np.sort(rng.choice(block.size, len(indices), replace=False))
        for block, indices in blocks.items()
    }
    return _frame(drawn)


def draw_heads_like(selected: pl.DataFrame, neurons: Neurons, draw: int, seed: int) -> pl.DataFrame:
    """Random draw number ``draw`` of whole heads: as many in each layer as ``selected`` has.

    ``selected``: layer, component, neuron, head; all neurons of each head are there, and they are
    of one component, in which the heads of a layer follow each other. Drawn without replacement
    from all heads of the layer, those of ``selected`` among them, as ``draw_like`` does with
    neurons. The draw depends on these counts, its number and the seed alone.

    Raises ``UserError`` where the layer's neurons are no whole number of heads of that size.
    """
    heads = selected.group_by("layer", "component", "head").len("size")
    layers = heads.group_by("layer", "component", "size").agg(n_heads=pl.len()).sort("layer")
    counts = ";".join(f"{layer}:{n}" for layer, n in layers.select("layer", "n_heads").iter_rows())
    rng = np.random.default_rng([seed, zlib.crc32(f"heads {counts}".encode()), draw])
    parts = []
    for layer, component, size, n_heads in layers.iter_rows():
        chosen = np.sort(rng.choice(_heads_of(layer, component, size, neurons), n_heads, False))
        parts.append(_whole_heads(layer, component, size, chosen))
    return pl.concat(parts)


def _heads_of(layer: int, component: str, size: int, neurons: Neurons) -> int:
    """How many heads of ``size`` neurons the layer has."""
    here = (one for one in neurons.blocks if (one.layer, one.component) == (layer, component))
    n_neurons = sum(block.size for block in here)
    if n_neurons % size:
        raise UserError(
            f"heads: layer {layer} has {n_neurons} {component} neurons, which are no whole number "
            f"of heads of {size}; select all neurons of each head"
        )
    return n_neurons // size


def _whole_heads(layer: int, component: str, size: int, heads: np.ndarray) -> pl.DataFrame:
    """layer, component and neuron of all neurons of ``heads``, in order."""
    numbers = (heads[:, None] * size + np.arange(size)).ravel()
    return pl.DataFrame({"neuron": numbers.astype(np.int32)}).select(
        pl.lit(layer, dtype=pl.Int32).alias("layer"), pl.lit(component).alias("component"), "neuron"
    )


def in_order(activations: pl.DataFrame, column: str, neurons: Neurons) -> np.ndarray:
    """A column of ``activations`` (layer, component, neuron, ...), shape (n_neurons,).

    Raises ``UserError`` unless each neuron of the ranker has one row.
    """
    values = activations.select(*NEURON_COLUMNS, column)
    found = neurons.frame().join(values, on=NEURON_COLUMNS, how="left", maintain_order="left")
    if found[column].null_count() or len(found) != len(neurons):
        raise UserError(
            "activations: they are not of this ranker's neurons, one row each; measure_activations "
            "gives them"
        )
    return found[column].to_numpy()


def draw_matched(
    selected: pl.DataFrame, neurons: Neurons, sizes: np.ndarray, draw: int, seed: int
) -> pl.DataFrame:
    """Random draw number ``draw`` of neurons with outputs as near in size as there are.

    ``sizes`` is the root_mean_square of every neuron's output, shape (n_neurons,). Within each
    block (layer, component, module) the selected neurons, in random order, each get a partner out
    of the ``NEAREST`` neurons, not selected and not yet drawn, whose log size is nearest to its
    own; which of them is random. The draw depends on the selected set, the sizes, its number and
    the seed alone.

    An outlier dimension, many times as large as any other of its block, has no like there: its
    partner is then one of much smaller ones. ``match_quality`` tells how well it went.

    Raises ``TooFewLeft``, a ``UserError``, where fewer of a block are left than are selected.
    """
    blocks = _places(selected, neurons)
    chosen = b"".join((block.start + own).tobytes() for block, own in blocks.items())
    rng = np.random.default_rng([seed, zlib.crc32(chosen), draw])
    logs = np.log(np.maximum(sizes, np.finfo(np.float64).tiny))
    return _frame({b: np.sort(_partners(b, own, logs[b.slice], rng)) for b, own in blocks.items()})


def match_quality(
    selected: pl.DataFrame, drawn: pl.DataFrame, neurons: Neurons, sizes: np.ndarray
) -> float:
    """Mean size of the neurons ``selected`` over that of those ``drawn``: 1 is best."""
    means = [sizes[neurons.numbers(one)].mean() for one in (selected, drawn)]
    return float(means[0] / max(means[1], np.finfo(np.float64).tiny))


def _places(selected: pl.DataFrame, neurons: Neurons) -> dict[Block, np.ndarray]:
    """The neurons by their places, from 0, in their blocks."""
    blocks = neurons.select(selected)
    return {block: columns.numpy() - block.column for block, columns in blocks.items()}


def _partners(
    block: Block, selected: np.ndarray, logs: np.ndarray, rng: np.random.Generator
) -> list[int]:
    """A neuron of the block, by its place there, for each that is selected."""
    left = np.setdiff1d(np.arange(block.size), selected)
    if len(left) < len(selected):
        raise TooFewLeft(
            f"ablation.further: matched: {len(selected)} of the {block.size} neurons of layer "
            f"{block.layer} {block.component} are selected, which leaves too few to draw from; "
            "leave matched out, or lower selection.top_percents"
        )
    left = left[logs[left].argsort(kind="stable")]
    heights = logs[left]
    partners = []
    for own in logs[rng.permutation(selected)]:
        place = np.searchsorted(heights, own)
        first = max(0, place - NEAREST)
        distances = np.abs(heights[first : place + NEAREST] - own)
        nearest = first + distances.argsort(kind="stable")[:NEAREST]
        taken = nearest[rng.integers(len(nearest))]
        partners.append(left[taken])
        left, heights = np.delete(left, taken), np.delete(heights, taken)
    return partners


def _frame(drawn: dict[Block, np.ndarray]) -> pl.DataFrame:
    """layer, component and neuron of neurons given by their places in their blocks."""
    return pl.concat(
        pl.DataFrame({"neuron": (block.first_neuron + own).astype(np.int32)}).select(
            pl.lit(block.layer, dtype=pl.Int32).alias("layer"),
            pl.lit(block.component).alias("component"),
            "neuron",
        )
        for block, own in drawn.items()
    )
