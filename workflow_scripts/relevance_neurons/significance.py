"""Do the ablations change the ranking? Paired tests, bootstrap intervals, random controls."""

from __future__ import annotations

import logging
import warnings
import zlib
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.stats import ttest_rel
from statsmodels.stats.multitest import multipletests

from relevance_neurons.errors import UserError

logger = logging.getLogger(__name__)

CONFIDENCE = 0.95
RANDOM = "random:"

_CONDITION = ["scheme", "top_percent", "draw"]
_CELL = ["scheme", "top_percent"]
_OF = ["of", "top_percent"]
# Means over draws differ by rounding from the one value that all draws share.
_ROUNDING = 1e-12
_COUNTS_AT_ONCE = 4_000_000
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
    }
)


class Interval(NamedTuple):
    """A mean and its percentile bootstrap interval; the bounds are None below two values."""

    mean: float
    low: float | None
    high: float | None


def ablation_effects(
    measures: pl.DataFrame,
    scheme_sizes: pl.DataFrame,
    alpha: float = 0.05,
    replicates: int = 10_000,
    seed: int = 0,
) -> pl.DataFrame:
    """Test every ablation on every collection against the unpruned ranker.

    ``measures``: a query under an ablation (collection, scheme, top_percent, draw, query_id,
    measure, value), one measure; scheme ``none`` is the unpruned ranker, ``random:<scheme>`` has
    draws 0 to R - 1, and its value of a query is the mean over the draws.
    ``scheme_sizes``: scheme, top_percent, n_neurons. Empty schemes get rows of nulls: nothing was
    ablated, which is not the same as no effect.

    One row is an ablation (scheme, top_percent) on a collection; columns as in ``EFFECTS``:

    - difference_percent: 100 (mean pruned - mean original) / mean original (Vast et al., table 4);
    - p_value: two-tailed paired t-test over queries; p_value_holm: Holm over the whole table;
    - ci_low, ci_high: 95 % percentile bootstrap of difference_percent over queries, pruned and
      original resampled together (``replicates`` replicates, seeded per collection);
    - p_value_random: (1 + #{draws that lose at least as much}) / (R + 1), one-sided, where the
      scheme has a random control;
    - draw_low, draw_high: lowest and highest difference_percent of a single draw (random rows);
    - n_draws: draws behind ``pruned`` (1 unless random); significant: p_value <= ``alpha``.

    Raises ``UserError`` if the unpruned ranker, a query or a scheme's size is missing.
    """
    if measures["measure"].n_unique() != 1:
        raise UserError(f"measures: found {sorted(measures['measure'].unique())}, one is allowed")
    empty = scheme_sizes.filter(pl.col("n_neurons") == 0).select(*_CELL)
    ablated = _of_scheme(measures).join(empty.rename({"scheme": "of"}), on=_OF, how="anti")
    rows = [
        row
        for (collection,), frame in ablated.partition_by("collection", as_dict=True).items()
        for row in _collection_effects(str(collection), frame, replicates, seed)
    ]
    rows += _empty_rows(empty, measures)
    effects = pl.DataFrame(rows, schema=EFFECTS, orient="row")
    return _with_holm(_with_sizes(effects, scheme_sizes), alpha).sort(*_CELL, "collection")


def mean_interval(
    values: np.ndarray,
    confidence: float = CONFIDENCE,
    replicates: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Mean of ``values``, shape (n,), with a percentile bootstrap interval.

    Raises ``ValueError`` without values; with one value the bounds are None.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values: shape {values.shape}, expected (n,) with n > 0")
    if len(values) < 2:
        return Interval(float(values[0]), None, None)
    rng = np.random.default_rng(seed)
    low, high = _bounds(_resampled_means(values[None], rng, replicates), confidence)
    return Interval(float(values.mean()), low[0], high[0])


def _collection_effects(
    collection: str, frame: pl.DataFrame, replicates: int, seed: int
) -> list[dict]:
    cells, draws = _query_values(collection, frame)
    original = draws[cells.index(("none", 0.0))][0]
    names = [cell for cell in cells if cell[0] != "none"]
    drawn = dict(zip(cells, draws, strict=True))
    pruned = np.array([drawn[cell].mean(axis=0) for cell in names]).reshape(-1, len(original))
    # Stable: a collection's replicates do not depend on which others are in the study.
    rng = np.random.default_rng([seed, zlib.crc32(collection.encode())])
    low, high = _difference_bounds(original, pruned, rng, replicates)
    rows = []
    for i, (scheme, top_percent) in enumerate(names):
        row = {"scheme": scheme, "top_percent": top_percent, "collection": collection}
        row |= {"original": float(original.mean()), "pruned": float(pruned[i].mean())}
        row |= {"n_queries": len(original), "n_draws": len(drawn[names[i]])}
        row |= {"difference_percent": _difference_percent(original, pruned[i])}
        row |= {"p_value": _paired_p(original, pruned[i], f"{scheme} on {collection}")}
        row |= {"ci_low": low[i], "ci_high": high[i]}
        row |= _against_random(original, drawn, scheme, top_percent)
        rows.append(row)
    return rows


def _query_values(
    collection: str, frame: pl.DataFrame
) -> tuple[list[tuple[str, float]], list[np.ndarray]]:
    """(scheme, top_percent) of each ablation, and its values, shape (draws, queries)."""
    frame = frame.sort(*_CONDITION, "query_id")
    conditions = frame.group_by(*_CONDITION, maintain_order=True).agg("query_id", "value")
    queries = frame["query_id"].unique().sort().to_list()
    for *name, found, _ in conditions.iter_rows():
        if found != queries:
            raise UserError(
                f"measures of {collection}: {name[0]} at {name[1]} % (draw {name[2]}) has "
                f"{len(found)} values, expected one for each of {len(queries)} queries"
            )
    if frame["value"].is_null().any() or frame["value"].is_nan().any():
        raise UserError(f"measures of {collection}: a value is missing, expected a number")
    groups = conditions.group_by(*_CELL, maintain_order=True).agg("value")
    cells = list(groups.select(*_CELL).iter_rows())
    if ("none", 0.0) not in cells:
        raise UserError(f"measures of {collection}: no rows of scheme none, which is compared with")
    return cells, [np.array(values) for values in groups["value"].to_list()]


def _difference_percent(original: np.ndarray, pruned: np.ndarray) -> float | None:
    """100 (mean pruned - mean original) / mean original, or None where that is undefined."""
    if original.mean() == 0:
        return None
    return float(100 * (pruned.mean() - original.mean()) / original.mean())


def _paired_p(original: np.ndarray, pruned: np.ndarray, where: str) -> float | None:
    """Two-tailed paired t-test; 1 where every query has the same value under both rankers."""
    if len(original) < 2:
        logger.warning("%s: no t-test, found %d query, needs 2", where, len(original))
        return None
    if np.all(np.abs(pruned - original) < _ROUNDING):
        return 1.0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # equal differences: t is infinite and p is 0, rightly
        return float(ttest_rel(pruned, original).pvalue)


def _against_random(
    original: np.ndarray, drawn: dict, scheme: str, top_percent: float
) -> dict[str, float | None]:
    """The columns that compare a scheme with single draws, or that sum up the draws."""
    if original.mean() == 0:
        return {}
    if scheme.startswith(RANDOM):
        each = [_difference_percent(original, draw) for draw in drawn[scheme, top_percent]]
        return {"draw_low": min(each), "draw_high": max(each)}
    control = drawn.get((RANDOM + scheme, top_percent))
    if control is None:
        return {}
    observed = drawn[scheme, top_percent][0].mean()
    as_low = int(np.sum(control.mean(axis=1) <= observed + _ROUNDING))
    return {"p_value_random": (1 + as_low) / (len(control) + 1)}


def _difference_bounds(
    original: np.ndarray, pruned: np.ndarray, rng: np.random.Generator, replicates: int
) -> tuple[list[float | None], list[float | None]]:
    """Bounds of difference_percent for each row of ``pruned``, shape (ablations, queries)."""
    if len(original) < 2 or original.mean() == 0:
        return [None] * len(pruned), [None] * len(pruned)
    means = _resampled_means(np.vstack([original[None], pruned]), rng, replicates)
    # A replicate of unanswered queries only (original 0) has no ratio.
    means = means[means[:, 0] > 0]
    return _bounds(100 * (means[:, 1:] / means[:, :1] - 1), CONFIDENCE)


def _resampled_means(values: np.ndarray, rng: np.random.Generator, replicates: int) -> np.ndarray:
    """Means of the rows of ``values``, shape (rows, n), in every replicate: (replicates, rows).

    How often each of the n units is drawn is multinomial; all rows share the counts.
    """
    n = values.shape[1]
    block = max(1, _COUNTS_AT_ONCE // n)
    return np.vstack(
        [
            rng.multinomial(n, np.full(n, 1 / n), size=min(block, replicates - start)) @ values.T
            for start in range(0, replicates, block)
        ]
    ) / float(n)


def _bounds(replicated: np.ndarray, confidence: float) -> tuple[list[float], list[float]]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(replicated, [tail, 1 - tail], axis=0)
    return low.tolist(), high.tolist()


def _empty_rows(empty: pl.DataFrame, measures: pl.DataFrame) -> list[dict]:
    collections = measures.select(pl.col("collection").unique())
    return list(empty.join(collections, how="cross").iter_rows(named=True))


def _of_scheme(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``of``: the scheme itself, or the one that a random control goes with."""
    return frame.with_columns(pl.col("scheme").str.strip_prefix(RANDOM).alias("of"))


def _with_sizes(effects: pl.DataFrame, scheme_sizes: pl.DataFrame) -> pl.DataFrame:
    """Fill n_neurons: a random control has the size of its scheme."""
    sizes = scheme_sizes.select(pl.col("scheme").alias("of"), "top_percent", "n_neurons")
    effects = _of_scheme(effects.drop("n_neurons")).join(sizes, on=_OF, how="left")
    unknown = effects.filter(pl.col("n_neurons").is_null())
    if unknown.height:
        scheme, top_percent = unknown.select("of", "top_percent").row(0)
        raise UserError(f"scheme sizes: none for {scheme} at {top_percent} %, which was ablated")
    return effects.select(list(EFFECTS)).cast(dict(EFFECTS))


def _with_holm(effects: pl.DataFrame, alpha: float) -> pl.DataFrame:
    """Fill p_value_holm (Holm's step-down over every row with a p) and the verdicts."""
    tested = effects["p_value"].is_not_null().to_numpy()
    corrected = np.full(effects.height, np.nan)
    if tested.any():
        p_values = effects["p_value"].to_numpy()[tested]
        corrected[tested] = multipletests(p_values, alpha=alpha, method="holm")[1]
    return effects.with_columns(
        pl.Series("p_value_holm", corrected).fill_nan(None),
    ).with_columns(
        significant=pl.col("p_value") <= alpha, significant_holm=pl.col("p_value_holm") <= alpha
    )
