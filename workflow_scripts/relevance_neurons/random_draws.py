"""Random sets of neurons to compare a scheme's with: same number in each layer and component."""

from __future__ import annotations

import zlib

import numpy as np
import polars as pl

from relevance_neurons.neurons import Neurons


def draw_like(
    selected: pl.DataFrame, neurons: Neurons, scheme: str, top_percent: float, draw: int, seed: int
) -> pl.DataFrame:
    """One random draw: as many neurons in each (layer, component) as in ``selected``.

    Drawn without replacement from all neurons of the ranker (METHOD: random baseline). The draw
    depends on the scheme's name, the level, the draw's number and the seed alone, so that every
    collection meets the same sets.
    """
    key = zlib.crc32(f"{scheme}@{top_percent:g}".encode())
    rng = np.random.default_rng([seed, key, draw])
    parts = []
    for block, indices in neurons.select(selected).items():
        drawn = np.sort(rng.choice(block.size, size=len(indices), replace=False))
        parts.append(
            pl.DataFrame({"neuron": drawn.astype(np.int32)}).select(
                pl.lit(block.layer, dtype=pl.Int32).alias("layer"),
                pl.lit(block.component).alias("component"),
                "neuron",
            )
        )
    return pl.concat(parts)
