"""Do the ablations change the ranking? Paired tests, intervals, random controls, equivalence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from relevance_neurons.ablation.draw_controls import against_draws
from relevance_neurons.ablation.query_values import (
    CELL,
    QueryValues,
    at_levels,
    query_values,
    with_sizes,
)
from relevance_neurons.ablation.verdicts import ERRORS, with_verdicts
from relevance_neurons.selection import ablation_kinds as kinds
from relevance_neurons.statistics import paired_tests as tests
from relevance_neurons.statistics.bootstrap import resampled_means

EFFECTS = pl.Schema(
    {
        "scheme": pl.String,
        "top_percent": pl.Float64,
        "collection": pl.String,
        "original": pl.Float64,
        "pruned": pl.Float64,
        "difference_percent": pl.Float64,
        "p_value": pl.Float64,
        "p_value_holm": pl.Float64,
        "ci_low": pl.Float64,
        "ci_high": pl.Float64,
        "n_queries": pl.Int64,
        "p_value_random": pl.Float64,
        "draw_low": pl.Float64,
        "draw_high": pl.Float64,
        "n_neurons": pl.Int64,
        "n_draws": pl.Int64,
        "significant": pl.Boolean,
        "significant_holm": pl.Boolean,
        "p_value_matched": pl.Float64,
        "floor": pl.Float64,
        "attainable_percent": pl.Float64,
        "attainable_low": pl.Float64,
        "attainable_high": pl.Float64,
        "p_equivalence": pl.Float64,
        "equivalent": pl.Boolean,
        "draws_within": pl.Int64,
        "p_value_random_t": pl.Float64,
        "p_value_matched_t": pl.Float64,
        "detectable_percent": pl.Float64,
        "detectable_holm_percent": pl.Float64,
    }
)


def ablation_effects(
    measures: pl.DataFrame,
    scheme_sizes: pl.DataFrame,
    alpha: float = 0.05,
    equivalence_margin: float = 2.0,
    replicates: int = 10_000,
    seed: int = 0,
    levels: Sequence[float] | None = None,
) -> pl.DataFrame:
    """Test every ablation on every collection against the unpruned ranker.

    ``measures``: a query under an ablation (collection, scheme, top_percent, draw, query_id,
    measure, value), one measure; scheme ``none`` is the unpruned ranker, ``shuffled`` its pools in
    random order, ``<kind>:<scheme>`` as in ``ablation_kinds``; of several draws, a query's value
    is the mean. ``scheme_sizes``: scheme, top_percent, n_neurons. Empty schemes get rows of nulls:
    nothing was ablated, which is not the same as no effect. ``levels``: the top_percents to test
    (None: all); those of curves alone would only make the correction stricter.

    One row is an ablation (scheme, top_percent) on a collection; columns as in ``EFFECTS``:

    - difference_percent: 100 (mean pruned - mean original) / mean original (Vast et al., table 4);
    - p_value: two-tailed paired t-test over queries; p_value_holm: Holm over the family. The rows
      of table 4 (plain and random) are one family, every further kind is its own: more kinds do
      not weaken what the table says;
    - ci_low, ci_high: 95 % percentile bootstrap of difference_percent over queries, pruned and
      original resampled together (``replicates`` replicates, seeded per collection);
    - p_value_random, p_value_matched: (1 + #{draws that lose at least as much}) / (R + 1),
      one-sided, of a plain row against its random or matched control, where there is one;
    - p_value_random_t, p_value_matched_t: the row as one more draw, by a one-sided t-test with R -
      1 degrees of freedom; null below 3 draws, or where all of them have the same mean;
    - draw_low, draw_high: lowest and highest difference_percent of a single draw (controls);
    - n_neurons: of the scheme; for ``keep_only`` these are the ones that stay on;
    - n_draws: draws behind ``pruned`` (1 unless a control); significant: p_value <= ``alpha``;
    - floor: mean of the shuffled pools; attainable_percent: 100 (pruned - original) / (original -
      floor), its interval as that of difference_percent, all three resampled together; null, all
      of it, where the original is not above the floor in 95 % of the replicates;
    - p_equivalence: two one-sided paired t-tests that the mean difference is within +-
      ``equivalence_margin`` percent of the mean original; equivalent: p_equivalence <= ``alpha``.
      A control's is that of its draws' average: no effect on average, not of each random set;
    - draws_within: how many of a control's draws have a difference_percent of their own within
      +- ``equivalence_margin`` (no test); null elsewhere;
    - detectable_percent: the smallest true difference_percent, without its sign, that this row's
      paired t-test finds with power .8 at ``alpha``, were the queries' differences to vary as they
      do here; detectable_holm_percent: at ``alpha`` / the tests of its family, Holm's first step.

    Raises ``UserError`` if the unpruned ranker, a query or a scheme's size is missing.
    """
    rows = []
    for values in query_values(measures, scheme_sizes, levels):
        rows += _collection_effects(values, equivalence_margin, replicates, seed)
    rows += _empty_rows(at_levels(scheme_sizes, levels), measures)
    schema = pl.Schema({**EFFECTS, **ERRORS})
    effects = pl.DataFrame(rows, schema=schema, orient="row").drop("n_neurons")
    judged = with_verdicts(with_sizes(effects, scheme_sizes), alpha)
    verdict = pl.col("p_equivalence") <= alpha
    return judged.with_columns(equivalent=verdict).select(list(EFFECTS)).sort(*CELL, "collection")


def _collection_effects(
    values: QueryValues, margin_percent: float, replicates: int, seed: int
) -> list[dict]:
    original, floor = values.original, values.floor
    pruned = [draws.mean(axis=0) for draws in values.ablated.values()]
    intervals = _intervals(values, pruned, replicates, seed)
    rows = []
    for i, ((scheme, top_percent), draws) in enumerate(values.ablated.items()):
        row = {"scheme": scheme, "top_percent": top_percent, "collection": values.collection}
        row |= {"original": float(original.mean()), "pruned": float(pruned[i].mean())}
        row |= {"n_queries": len(original), "n_draws": len(draws)}
        row |= _tested(original, pruned[i], margin_percent, f"{scheme} on {values.collection}")
        row |= {name: bounds[i] for name, bounds in intervals.items()}
        if floor is not None:
            row |= {"floor": float(floor.mean())}
            if row["attainable_low"] is not None:  # clearly above the floor
                row |= {"attainable_percent": tests.attainable_percent(original, pruned[i], floor)}
        rows.append(row | _with_draws(values, scheme, top_percent, margin_percent))
    return rows


def _tested(original: np.ndarray, pruned: np.ndarray, margin_percent: float, where: str) -> dict:
    """What the queries say of one ablation."""
    margin = margin_percent / 100 * original.mean()
    error = tests.standard_error(original, pruned)
    in_percent = None if error is None or not original.mean() else 100 * error / original.mean()
    return {
        "difference_percent": tests.difference_percent(original, pruned),
        "p_value": tests.paired_p(original, pruned, where),
        "p_equivalence": tests.equivalence_p(original, pruned, margin),
        "error_percent": in_percent,
        "freedom": len(original) - 1,
    }


def _intervals(
    values: QueryValues, pruned: list[np.ndarray], replicates: int, seed: int
) -> dict[str, list]:
    """The bounds of every ablation, by the name of their column."""
    names = ("ci_low", "ci_high", "attainable_low", "attainable_high")
    original, floor = values.original, values.floor
    if len(original) < 2 or not pruned:
        return {name: [None] * len(pruned) for name in names}
    # Without a floor nothing is attainable above it: no interval either.
    rows = np.vstack([original, original if floor is None else floor, *pruned])
    means = resampled_means(rows, values.rng(seed), replicates)
    found = [*tests.difference_bounds(means), *tests.attainable_bounds(means)]
    return dict(zip(names, found, strict=True))


def _with_draws(
    values: QueryValues, scheme: str, top_percent: float, margin_percent: float
) -> dict[str, float | None]:
    """The columns that compare a scheme with single draws, or that sum up the draws."""
    original = values.original
    if original.mean() == 0:
        return {}
    if kinds.parted(scheme)[0] in kinds.DRAWN:
        draws = values.ablated[scheme, top_percent]
        each = [tests.difference_percent(original, draw) for draw in draws]
        within = sum(abs(one) <= margin_percent + tests.ROUNDING for one in each)
        return {"draw_low": min(each), "draw_high": max(each), "draws_within": within}
    return against_draws(values.draw_means, scheme, top_percent)


def _empty_rows(scheme_sizes: pl.DataFrame, measures: pl.DataFrame) -> list[dict]:
    empty = scheme_sizes.filter(pl.col("n_neurons") == 0).select(*CELL)
    collections = measures.select(pl.col("collection").unique())
    return list(empty.join(collections, how="cross").iter_rows(named=True))
