"""Schemes and activations of the small random BERT."""

import numpy as np
import polars as pl

from toys.bert import make_reranker

NEURONS = make_reranker().neurons


NAME = ["layer", "component", "neuron"]


def some_activations() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    sizes, means = rng.lognormal(size=len(NEURONS)), rng.normal(size=len(NEURONS))
    return NEURONS.frame().with_columns(
        mean=pl.Series(means), root_mean_square=pl.Series(sizes), n_tokens=pl.lit(9)
    )


def scheme(name: str, level: float, size: int, seed: int) -> pl.DataFrame:
    chosen = NEURONS.frame().sample(size, seed=seed).sort(NAME).with_columns(score=pl.lit(0.5))
    return chosen.select(pl.lit(name).alias("scheme"), pl.lit(level).alias("top_percent"), pl.all())


SCHEMES = pl.concat([scheme("P_b", 10.0, 30, 1), scheme("P_a", 1.0, 3, 2)])
