"""Random sets of neurons to compare a scheme's with: same number in each layer and component."""

from __future__ import annotations

import zlib

import numpy as np
import polars as pl

from relevance_neurons.neurons import Neurons


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
    parts = []
    for block, indices in blocks.items():
        drawn = block.first_neuron + np.sort(rng.choice(block.size, len(indices), replace=False))
        parts.append(
            pl.DataFrame({"neuron": drawn.astype(np.int32)}).select(
                pl.lit(block.layer, dtype=pl.Int32).alias("layer"),
                pl.lit(block.component).alias("component"),
                "neuron",
            )
        )
    return pl.concat(parts)
