"""What two rankers lose under the same ablations: side by side, and tested on shared queries."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from relevance_neurons.ablation.query_values import collection_rng
from relevance_neurons.report.study_comparison.pair import Pair
from relevance_neurons.statistics.bootstrap import bounds, resampled_means
from relevance_neurons.statistics.paired_tests import paired_p

REPLICATES = 10_000
KEY = ["collection", "scheme", "top_percent"]
_OF_EACH = {
    "original": pl.Float64,
    "pruned": pl.Float64,
    "difference_percent": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value_holm": pl.Float64,
    "n_neurons": pl.Int64,
    "n_queries": pl.Int64,
}
TESTED = {
    "change_a": pl.Float64,
    "change_b": pl.Float64,
    "difference": pl.Float64,
    "difference_low": pl.Float64,
    "difference_high": pl.Float64,
    "p_value": pl.Float64,
    "n_paired": pl.Int64,
}
EFFECTS = pl.Schema(
    {
        "collection": pl.String,
        "scheme": pl.String,
        "top_percent": pl.Float64,
        **{f"{name}_{side}": kind for name, kind in _OF_EACH.items() for side in "ab"},
        **TESTED,
        "not_paired": pl.String,
    }
)
_TESTS = pl.Schema({name: EFFECTS[name] for name in (*KEY, *TESTED)})
_READ = ("measures", "queries", "candidates", "documents", "qrels")
_SETTINGS = {"ablation.ambiguous": "gain", "ablation.value": "zero"}
"""How passages of ambiguous grades count, and what a neuron gives that is off; their defaults."""
_DIFFERENCES = {
    "n_queries": "{:,} queries are in one study alone",
    "n_query_texts": "{:,} queries have other texts",
    "n_candidates": "{:,} candidates are in one study alone",
    "n_passage_texts": "{:,} candidates have other texts",
    "n_judgments": "{:,} judgments differ",
}


def effects_side_by_side(pair: Pair, seed: int = 0) -> pl.DataFrame:
    """One row is an ablation on a collection that both studies have; columns as in ``EFFECTS``.

    What ends in _a and _b is of each study's table ablation_effects. Where both studies ranked the
    same candidates for the same queries, by one measure and the same judgments, queries are paired:
    change_a, change_b: mean over queries of what the ablation changes in the measure (of several
    draws, their mean); difference: change_b - change_a, with its 95 % bootstrap interval over
    queries (10,000 replicates) and the two-tailed paired t-test. Elsewhere not_paired says why not.
    """
    rows = pair.query("effects")
    faults = _faults(pair)
    tested = [
        _tested(pair, collection, seed)
        for collection in rows["collection"].unique(maintain_order=True)
        if faults.get(collection, "") is None
    ]
    found = pl.concat([pl.DataFrame(schema=_TESTS), *tested])
    joined = rows.join(found, on=KEY, how="left", maintain_order="left")
    unknown = pair.reason(*_READ) or "the measures are missing"
    reasons = [
        _unpaired(n, faults.get(name) or unknown)
        for name, n in joined.select("collection", "n_paired").iter_rows()
    ]
    told = pl.Series("not_paired", reasons, dtype=pl.String)
    return joined.with_columns(told).select(list(EFFECTS)).cast(EFFECTS)


def _unpaired(n: int | None, reason: str) -> str | None:
    """Why ``n`` queries have no test; None where they have one."""
    if n is None:
        return reason
    return "a test needs 2 queries" if n < 2 else None


def _faults(pair: Pair) -> dict[str, str | None]:
    """Collection -> why its queries cannot be paired; None where they can."""
    whole = pair.reason(*_READ) or _other_way(pair)
    return {
        row["collection"]: whole or _difference(row)
        for row in pair.query("pools").iter_rows(named=True)
    }


def _other_way(pair: Pair) -> str | None:
    """Which setting of the ablations differs that no table tells."""
    for key, default in _SETTINGS.items():
        a, b = (pair.setting(side, key) or default for side in (0, 1))
        if a != b:
            return f"{key} differs ({a}; {b})"
    return None


def _difference(row: dict) -> str | None:
    a, b = row["measures_a"], row["measures_b"]
    if a != b:
        return f"the measures differ ({', '.join(a)}; {', '.join(b)})"
    told = [words.format(row[name]) for name, words in _DIFFERENCES.items() if row[name]]
    return "; ".join(told) or (None if row["n_candidates"] == 0 else "no candidates are told")


def _tested(pair: Pair, collection: str, seed: int) -> pl.DataFrame:
    """The paired tests of a collection."""
    cells = pair.query("query_changes", collection=collection)
    if cells.is_empty():
        return pl.DataFrame(schema=_TESTS)
    a, b = (np.array(cells[f"changes_{side}"].to_list()) for side in "ab")
    differences, n = b - a, a.shape[1]
    low: list[float | None] = [None] * len(cells)
    high = list(low)
    if n > 1:
        rng = collection_rng(collection, seed)
        low[:], high[:] = bounds(resampled_means(differences, rng, REPLICATES))
    names = cells.select(pl.format("{} on {} in both studies", "scheme", pl.lit(collection)))
    p_values = [paired_p(*one) for one in zip(a, b, names.to_series(), strict=True)]
    columns: dict[str, Any] = {"collection": [collection] * len(cells), "scheme": cells["scheme"]}
    columns |= {"top_percent": cells["top_percent"], "change_a": a.mean(axis=1)}
    columns |= {"change_b": b.mean(axis=1), "difference": differences.mean(axis=1)}
    columns |= {"difference_low": low, "difference_high": high, "p_value": p_values}
    return pl.DataFrame(columns | {"n_paired": [n] * len(cells)}, schema=_TESTS)
