"""Do the ablations change the ranking? Paired tests, intervals, random controls, equivalence."""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np
import polars as pl
from statsmodels.stats.multitest import multipletests

from relevance_neurons.errors import UserError
from relevance_neurons.selection import ablation_kinds as kinds
from relevance_neurons.statistics import paired_tests as tests
from relevance_neurons.statistics.bootstrap import resampled_means

_CONDITION = ["scheme", "top_percent", "draw"]
_CELL = ["scheme", "top_percent"]
_OF = ["of", "top_percent"]
_TABLE4 = (kinds.PLAIN, kinds.RANDOM)
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
    }
)


class _Values(NamedTuple):
    """The measure of a collection's n queries: the original's (n,), the floor's (n,), and of each
    (scheme, top_percent) the draws', shape (draws, n)."""

    collection: str
    original: np.ndarray
    floor: np.ndarray | None
    ablated: dict[tuple[str, float], np.ndarray]


def ablation_effects(
    measures: pl.DataFrame,
    scheme_sizes: pl.DataFrame,
    alpha: float = 0.05,
    equivalence_margin: float = 2.0,
    replicates: int = 10_000,
    seed: int = 0,
) -> pl.DataFrame:
    """Test every ablation on every collection against the unpruned ranker.

    ``measures``: a query under an ablation (collection, scheme, top_percent, draw, query_id,
    measure, value), one measure; scheme ``none`` is the unpruned ranker, ``shuffled`` its pools in
    random order, ``<kind>:<scheme>`` as in ``ablation_kinds``; of several draws, a query's value
    is the mean. ``scheme_sizes``: scheme, top_percent, n_neurons. Empty schemes get rows of nulls:
    nothing was ablated, which is not the same as no effect.

    One row is an ablation (scheme, top_percent) on a collection; columns as in ``EFFECTS``:

    - difference_percent: 100 (mean pruned - mean original) / mean original (Vast et al., table 4);
    - p_value: two-tailed paired t-test over queries; p_value_holm: Holm over the family. The rows
      of table 4 (plain and random) are one family, every further kind is its own: more kinds do
      not weaken what the table says;
    - ci_low, ci_high: 95 % percentile bootstrap of difference_percent over queries, pruned and
      original resampled together (``replicates`` replicates, seeded per collection);
    - p_value_random, p_value_matched: (1 + #{draws that lose at least as much}) / (R + 1),
      one-sided, of a plain row against its random or matched control, where there is one;
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
      +- ``equivalence_margin`` (no test); null elsewhere.

    Raises ``UserError`` if the unpruned ranker, a query or a scheme's size is missing.
    """
    if measures["measure"].n_unique() != 1:
        raise UserError(f"measures: found {sorted(measures['measure'].unique())}; one is allowed")
    empty = scheme_sizes.filter(pl.col("n_neurons") == 0).select(*_CELL)
    ablated = kinds.with_kind(measures).join(empty.rename({"scheme": "of"}), on=_OF, how="anti")
    rows = []
    for (collection,), frame in ablated.partition_by("collection", as_dict=True).items():
        values = _query_values(str(collection), frame)
        rows += _collection_effects(values, equivalence_margin, replicates, seed)
    rows += _empty_rows(empty, measures)
    effects = pl.DataFrame(rows, schema=EFFECTS, orient="row")
    return _with_verdicts(_with_sizes(effects, scheme_sizes), alpha).sort(*_CELL, "collection")


def _query_values(collection: str, frame: pl.DataFrame) -> _Values:
    frame = frame.sort(*_CONDITION, "query_id")
    conditions = frame.group_by(*_CONDITION, maintain_order=True).agg("query_id", "value")
    queries = frame["query_id"].unique().sort().to_list()
    for scheme, level, draw, found, _ in conditions.iter_rows():
        if found != queries:
            raise UserError(
                f"measures of {collection}: {scheme} at {level} % (draw {draw}) has {len(found)} "
                f"values for {len(queries)} queries; measure each of them once"
            )
    if frame["value"].is_null().any() or frame["value"].is_nan().any():
        raise UserError(f"measures of {collection}: a value is missing; a number is needed")
    groups = conditions.group_by(*_CELL, maintain_order=True).agg("value")
    ablated = {(scheme, level): np.array(values) for scheme, level, values in groups.iter_rows()}
    if (kinds.UNPRUNED, 0.0) not in ablated:
        raise UserError(
            f"measures of {collection}: no rows of scheme none; measure the unpruned ranker too"
        )
    (original,) = ablated.pop((kinds.UNPRUNED, 0.0))
    shuffled = ablated.pop((kinds.SHUFFLED, 0.0), None)
    floor = None if shuffled is None else shuffled.mean(axis=0)
    return _Values(collection, original, floor, ablated)


def _collection_effects(
    values: _Values, margin_percent: float, replicates: int, seed: int
) -> list[dict]:
    original, floor = values.original, values.floor
    pruned = [draws.mean(axis=0) for draws in values.ablated.values()]
    intervals = _intervals(values, pruned, replicates, seed)
    rows = []
    for i, ((scheme, top_percent), draws) in enumerate(values.ablated.items()):
        row = {"scheme": scheme, "top_percent": top_percent, "collection": values.collection}
        row |= {"original": float(original.mean()), "pruned": float(pruned[i].mean())}
        row |= {"n_queries": len(original), "n_draws": len(draws)}
        row |= {"difference_percent": tests.difference_percent(original, pruned[i])}
        where = f"{scheme} on {values.collection}"
        margin = margin_percent / 100 * original.mean()
        row |= {"p_value": tests.paired_p(original, pruned[i], where)}
        row |= {"p_equivalence": tests.equivalence_p(original, pruned[i], margin)}
        row |= {name: bounds[i] for name, bounds in intervals.items()}
        if floor is not None:
            row |= {"floor": float(floor.mean())}
            if row["attainable_low"] is not None:  # clearly above the floor
                row |= {"attainable_percent": tests.attainable_percent(original, pruned[i], floor)}
        rows.append(row | _against_draws(values, scheme, top_percent, margin_percent))
    return rows


def _intervals(
    values: _Values, pruned: list[np.ndarray], replicates: int, seed: int
) -> dict[str, list]:
    """The bounds of every ablation, by the name of their column."""
    names = ("ci_low", "ci_high", "attainable_low", "attainable_high")
    original, floor = values.original, values.floor
    if len(original) < 2 or not pruned:
        return {name: [None] * len(pruned) for name in names}
    # Stable: a collection's replicates do not depend on which others are in the study.
    rng = np.random.default_rng([seed, zlib.crc32(values.collection.encode())])
    # Without a floor nothing is attainable above it: no interval either.
    rows = np.vstack([original, original if floor is None else floor, *pruned])
    means = resampled_means(rows, rng, replicates)
    found = [*tests.difference_bounds(means), *tests.attainable_bounds(means)]
    return dict(zip(names, found, strict=True))


def _against_draws(
    values: _Values, scheme: str, top_percent: float, margin_percent: float
) -> dict[str, float | None]:
    """The columns that compare a scheme with single draws, or that sum up the draws."""
    original, kind = values.original, kinds.parted(scheme)[0]
    if original.mean() == 0:
        return {}
    if kind in kinds.DRAWN:
        draws = values.ablated[scheme, top_percent]
        each = [tests.difference_percent(original, draw) for draw in draws]
        within = sum(abs(one) <= margin_percent + tests.ROUNDING for one in each)
        return {"draw_low": min(each), "draw_high": max(each), "draws_within": within}
    found = {}
    for control in kinds.DRAWN if kind == kinds.PLAIN else ():
        draws = values.ablated.get((kinds.named(control, scheme), top_percent))
        if draws is not None:
            observed = float(values.ablated[scheme, top_percent][0].mean())
            found[f"p_value_{control}"] = tests.empirical_p(observed, draws.mean(axis=1))
    return found


def _empty_rows(empty: pl.DataFrame, measures: pl.DataFrame) -> list[dict]:
    collections = measures.select(pl.col("collection").unique())
    return list(empty.join(collections, how="cross").iter_rows(named=True))


def _with_sizes(effects: pl.DataFrame, scheme_sizes: pl.DataFrame) -> pl.DataFrame:
    """Fill n_neurons: every kind has the size of its scheme (``keep_only``: what is kept)."""
    sizes = scheme_sizes.select(pl.col("scheme").alias("of"), "top_percent", "n_neurons")
    effects = kinds.with_kind(effects.drop("n_neurons")).join(sizes, on=_OF, how="left")
    unknown = effects.filter(pl.col("n_neurons").is_null())
    if unknown.height:
        scheme, top_percent = unknown.select("of", "top_percent").row(0)
        raise UserError(
            f"scheme sizes: none for {scheme} at {top_percent} %, which was ablated; give its "
            "n_neurons"
        )
    return effects.select(list(EFFECTS)).cast(dict(EFFECTS))


def _with_verdicts(effects: pl.DataFrame, alpha: float) -> pl.DataFrame:
    """Fill p_value_holm (Holm's step-down over every p of the row's family) and the verdicts."""
    kind = kinds.with_kind(effects)["kind"]
    families = kind.replace(dict.fromkeys(_TABLE4, "table 4")).to_numpy()
    tested = effects["p_value"].is_not_null().to_numpy()
    p_values = effects["p_value"].fill_null(np.nan).to_numpy()
    corrected = np.full(effects.height, np.nan)
    for family in np.unique(families[tested]):
        rows = tested & (families == family)
        corrected[rows] = multipletests(p_values[rows], alpha=alpha, method="holm")[1]
    return effects.with_columns(
        pl.Series("p_value_holm", corrected).fill_nan(None),
    ).with_columns(
        significant=pl.col("p_value") <= alpha,
        significant_holm=pl.col("p_value_holm") <= alpha,
        equivalent=pl.col("p_equivalence") <= alpha,
    )
