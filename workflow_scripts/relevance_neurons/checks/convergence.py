"""What half of every step along the paths changes in a map: is it converged?"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from relevance_neurons.statistics.map_agreement import (
    n_selected,
    rank_correlations,
    relative_difference,
    shared_percent,
)

CONVERGENCE = pl.Schema(
    {
        "top_percent": pl.Float64,
        "n_pairs": pl.Int32,
        "points": pl.Float64,
        "points_doubled": pl.Float64,
        "shared_percent": pl.Float64,
        "kendall_tau": pl.Float64,
        "relative_difference": pl.Float64,
        "worst_pair_difference": pl.Float64,
    }
)


def summarise_convergence(
    neurons: pl.DataFrame, pairs: pl.DataFrame, top_percents: Sequence[float]
) -> pl.DataFrame:
    """What half of every step along the path changes in a map; as ``double_points`` returns it.

    A row per level (those that select no neuron are left out): top_percent, n_pairs, points and
    points_doubled (means over pairs), shared_percent (of the tops of both maps), kendall_tau (over
    all neurons), relative_difference (of the maps) and worst_pair_difference: L2 norm of the
    difference through that of the scores with more points.
    """
    maps = neurons["score"].to_numpy(), neurons["doubled_score"].to_numpy()
    same = {
        "n_pairs": len(pairs),
        "points": pairs["n_points"].mean(),
        "points_doubled": pairs["n_points_doubled"].mean(),
        "kendall_tau": rank_correlations(*maps)["kendall_tau"],
        "relative_difference": relative_difference(*maps),
        "worst_pair_difference": pairs["relative_difference"].max(),
    }
    rows = [
        same | {"top_percent": float(level), "shared_percent": shared_percent(*maps, m)}
        for level in sorted(set(top_percents))
        if (m := n_selected(level, len(neurons)))
    ]
    return pl.DataFrame(rows, schema=CONVERGENCE)
