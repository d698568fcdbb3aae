"""How far the maps of two studies agree: their ranks over all neurons, and their tops."""

from __future__ import annotations

import polars as pl

from relevance_neurons.report.study_comparison.pair import Pair
from relevance_neurons.statistics.chance import with_chance
from relevance_neurons.statistics.map_agreement import (
    n_selected,
    rank_correlations,
    shared_percent,
)

KEY = {"collection": pl.String, "label": pl.String, "method": pl.String}
MAPS = pl.Schema(
    {
        **KEY,
        "n_pairs_a": pl.Int64,
        "n_pairs_b": pl.Int64,
        "n_pairs_both": pl.Int64,
        "n_neurons": pl.Int64,
        "kendall_tau": pl.Float64,
        "spearman": pl.Float64,
    }
)
TOPS = pl.Schema(
    {
        **KEY,
        "top_percent": pl.Float64,
        "n_selected": pl.Int64,
        "n_shared": pl.Int64,
        "shared_percent": pl.Float64,
        "expected_percent": pl.Float64,
        "expected_low": pl.Float64,
        "expected_high": pl.Float64,
        "p_value_chance": pl.Float64,
    }
)
_ADDED = ("expected_low", "expected_high", "p_value_chance")
_WITHOUT_CHANCE = pl.Schema({name: kind for name, kind in TOPS.items() if name not in _ADDED})
_WITHOUT_CHANCE.update({"n_neurons": pl.Int64(), "n_maps": pl.Int64()})


def map_agreement(pair: Pair) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(maps, their tops): a row is a map (collection, label, method) that both studies have.

    Maps: Kendall's tau-b and Spearman's correlation over all neurons, null where a map is constant;
    n_pairs: what it is a mean over in each study, and how many of these pairs are in both (null of
    targets within queries). Tops: at the levels of both study files, beside independent random tops
    as in the table overlaps.
    """
    maps, tops = [], []
    levels = _levels(pair)
    for row in pair.query("maps").iter_rows(named=True):
        key = {name: row[name] for name in KEY}
        scores = pair.query("map_scores", **key)
        a, b = scores["score_a"].to_numpy(), scores["score_b"].to_numpy()
        maps.append(row | {"n_neurons": len(a)} | rank_correlations(a, b))
        for level in levels:
            m = n_selected(level, len(a))
            if m:
                shared = shared_percent(a, b, m)
                top = {"top_percent": level, "n_selected": m, "shared_percent": shared}
                top |= {"n_shared": round(shared * m / 100), "expected_percent": 100 * m / len(a)}
                tops.append(key | top | {"n_neurons": len(a), "n_maps": 2})
    beside_chance = with_chance(pl.DataFrame(tops, schema=_WITHOUT_CHANCE))
    return pl.DataFrame(maps, schema=MAPS), beside_chance.select(list(TOPS))


def _levels(pair: Pair) -> list[float]:
    """The levels of both study files, lowest first."""
    a, b = (pair.setting(side, "selection.top_percents") or [] for side in (0, 1))
    return sorted({float(one) for one in a} & {float(one) for one in b})
