"""Made-up measures of queries under ablations."""

from __future__ import annotations

import numpy as np
import polars as pl

NONE = ("none", 0.0, 0)


def measures_of(values: dict, collection: str = "c") -> pl.DataFrame:
    """Frame from (scheme, top_percent, draw) -> value of each query."""
    frames = [
        pl.DataFrame(
            {
                "query_id": [f"q{i}" for i in range(len(value))],
                "value": np.asarray(value, dtype=float),
            }
        ).select(
            pl.lit(collection).alias("collection"),
            pl.lit(scheme).alias("scheme"),
            pl.lit(float(level)).alias("top_percent"),
            pl.lit(draw).alias("draw"),
            "query_id",
            pl.lit("nDCG@10").alias("measure"),
            "value",
        )
        for (scheme, level, draw), value in values.items()
    ]
    return pl.concat(frames)


def sizes_of(sizes: dict) -> pl.DataFrame:
    rows = [(scheme, level, n) for (scheme, level), n in sizes.items()]
    return pl.DataFrame(rows, schema=["scheme", "top_percent", "n_neurons"], orient="row")
