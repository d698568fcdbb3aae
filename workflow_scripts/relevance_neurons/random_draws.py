"""Random sets of neurons to compare a scheme's with: same number in each layer and component."""

from __future__ import annotations

import zlib
from bisect import bisect_left

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.neurons import NEURON_COLUMNS, Block, Neurons

NEAREST = 10
"""Neurons of the most similar activation size, of which a matched draw takes one at random."""


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


def draw_matched(
    selected: pl.DataFrame, neurons: Neurons, sizes: pl.DataFrame, draw: int, seed: int
) -> pl.DataFrame:
    """Random draw number ``draw`` of neurons whose outputs are as large as those ``selected``.

    ``sizes`` has a row per neuron: layer, component, neuron and root_mean_square, as
    ``measure_activations`` gives. Within each block (layer, component, module) the selected
    neurons, in random order, each get a partner out of the ``NEAREST`` neurons, not selected and
    not yet drawn, whose log root_mean_square is nearest to its own; which of them is random. The
    draw depends on the selected set, the sizes, its number and the seed alone.

    An outlier dimension, many times as large as any other of its block, has no like there: its
    partner is then the best of much smaller ones. ``match_quality`` tells how well it went.

    Raises ``UserError`` where fewer neurons of a block are left than are selected.
    """
    blocks = {
        block: indices.numpy() - block.column for block, indices in neurons.select(selected).items()
    }
    logs = _log_sizes(neurons, sizes)
    chosen = b"".join((block.start + own).tobytes() for block, own in blocks.items())
    rng = np.random.default_rng([seed, zlib.crc32(chosen), draw])
    return _frame({b: np.sort(_partners(b, own, logs[b.slice], rng)) for b, own in blocks.items()})


def match_quality(selected: pl.DataFrame, drawn: pl.DataFrame, sizes: pl.DataFrame) -> float:
    """Mean root_mean_square of the neurons ``selected`` over that of those ``drawn``: 1 is best."""
    means = [
        one.join(sizes, on=NEURON_COLUMNS, how="left")["root_mean_square"].mean()
        for one in (selected, drawn)
    ]
    return means[0] / means[1] if means[1] else float("inf")


def _partners(
    block: Block, selected: np.ndarray, logs: np.ndarray, rng: np.random.Generator
) -> list[int]:
    """A neuron of the block, by its place there, for each that is selected."""
    left = np.setdiff1d(np.arange(block.size), selected)
    if len(left) < len(selected):
        raise UserError(
            f"ablation.further: matched: {len(selected)} of the {block.size} neurons of layer "
            f"{block.layer} {block.component} are selected, which leaves too few to draw from; "
            "leave matched out, or lower selection.top_percents"
        )
    pool = sorted(zip(logs[left], left, strict=True))
    partners = []
    for own in logs[rng.permutation(selected)]:
        place = bisect_left(pool, (own, -1))
        first = max(0, place - NEAREST)
        window = range(first, min(len(pool), place + NEAREST))
        nearest = sorted(window, key=lambda at, own=own: abs(pool[at][0] - own))[:NEAREST]
        partners.append(pool.pop(nearest[rng.integers(len(nearest))])[1])
    return partners


def _log_sizes(neurons: Neurons, sizes: pl.DataFrame) -> np.ndarray:
    """Log of root_mean_square, in the neurons' order; of a neuron that is always 0 very low."""
    found = neurons.frame().join(sizes, on=NEURON_COLUMNS, how="left", maintain_order="left")
    if found["root_mean_square"].null_count() or len(found) != len(neurons):
        raise UserError("activations: they are not of this ranker's neurons, one row each")
    return np.log(np.maximum(found["root_mean_square"].to_numpy(), np.finfo(np.float64).tiny))


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
