"""What a scheme's neurons share with those of heads, beside what chance would share."""

from __future__ import annotations

import polars as pl

from relevance_neurons.statistics.chance import CONFIDENCE, pair_interval, pair_p_value


def with_chance(overlaps: pl.DataFrame, confidence: float = CONFIDENCE) -> pl.DataFrame:
    """Add expected_low, expected_high (neurons) and p_value to rows of ``overlap_heads.sql``.

    ``overlaps``: n_scheme and n_heads_neurons, of the n_component neurons of a component, and
    shared, those in both, among other columns. The interval is central, at least ``confidence``
    wide, p_value that of as many shared neurons or more, were the scheme's neurons of that
    component drawn at random from all of it (hypergeometric, one-sided). Nothing is said of
    layers: neurons of the same layers share more than this. All three are null where the scheme or
    the heads have no neuron of the component.
    """
    keys = overlaps.select("n_component", "n_scheme", "n_heads_neurons", "shared").iter_rows()
    rows = [_chance(*key, confidence) for key in keys]
    schema = {"expected_low": pl.Int64, "expected_high": pl.Int64, "p_value": pl.Float64}
    return overlaps.hstack(pl.DataFrame(rows, schema=schema, orient="row"))


def _chance(
    n: int, one: int, other: int, shared: int, confidence: float
) -> tuple[int | None, int | None, float | None]:
    if not one or not other:
        return None, None, None
    return *pair_interval(n, one, other, confidence), pair_p_value(n, one, other, shared)
