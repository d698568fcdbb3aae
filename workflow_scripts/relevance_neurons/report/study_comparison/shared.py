"""Which neurons the schemes of two studies share, beside what chance would give."""

from __future__ import annotations

import polars as pl

from relevance_neurons.report.study_comparison.pair import Pair
from relevance_neurons.selection.ablation_kinds import parted
from relevance_neurons.statistics.chance import pair_interval, pair_p_value

SHARED = pl.Schema(
    {
        "scheme": pl.String,
        "top_percent": pl.Float64,
        "n_a": pl.Int64,
        "n_b": pl.Int64,
        "n_shared": pl.Int64,
        "shared_percent": pl.Float64,
        "n_possible": pl.Int64,
        "expected_percent": pl.Float64,
        "expected_low": pl.Float64,
        "expected_high": pl.Float64,
        "p_value_chance": pl.Float64,
    }
)


def shared_neurons(pair: Pair) -> pl.DataFrame:
    """One row is a scheme at a level that both studies have; columns as in ``SHARED``.

    shared_percent: n_shared of the smaller of the two sets. expected_percent, _low, _high (95 %)
    and p_value_chance: of independent random sets of these sizes among n_possible neurons, exactly
    (hypergeometric), as in the table overlaps. They are null where one set is empty, of schemes of
    heads, and where the studies pick a scheme among different neurons.
    """
    shapes = pair.query("shapes").select("layer", "component", "n_a")
    rows: list[dict] = []
    if pair.reason("schemes"):
        return pl.DataFrame(rows, schema=SHARED)
    for scheme, level, n_a, n_b, n_shared in pair.query("shared_neurons").iter_rows():
        row = {"scheme": scheme, "top_percent": level, "n_a": n_a, "n_b": n_b}
        row |= {"n_shared": n_shared, "n_possible": _possible(pair, scheme, shapes)}
        rows.append(row | _beside_chance(**row))
    return pl.DataFrame(rows, schema=SHARED)


def _beside_chance(n_a: int, n_b: int, n_shared: int, n_possible: int | None, **_: object) -> dict:
    smaller = min(n_a, n_b)
    if not smaller:
        return {}
    found = {"shared_percent": 100 * n_shared / smaller}
    if n_possible is None:
        return found
    low, high = pair_interval(n_possible, n_a, n_b)
    return found | {
        "expected_percent": 100 * max(n_a, n_b) / n_possible,
        "expected_low": 100 * low / smaller,
        "expected_high": 100 * high / smaller,
        "p_value_chance": pair_p_value(n_possible, n_a, n_b, n_shared),
    }


def _possible(pair: Pair, scheme: str, shapes: pl.DataFrame) -> int | None:
    """How many neurons the scheme is picked from; None where that is not one number for both.

    The paper's schemes are of all neurons; one's own may be of some components or layers, or whole
    heads, which no level picks.
    """
    key = f"selection.schemes.{parted(scheme)[1]}"
    asked = [
        [pair.setting(side, f"{key}.{one}") for one in ("components", "layers")] for side in (0, 1)
    ]
    heads = any(pair.setting(side, f"{key}.heads") for side in (0, 1))
    if heads or asked[0] != asked[1]:
        return None
    components, layers = asked[0]
    chosen = shapes
    if components:
        chosen = chosen.filter(pl.col("component").is_in(components))
    if layers:
        chosen = chosen.filter(pl.col("layer").is_in(layers))
    return int(chosen["n_a"].sum())
