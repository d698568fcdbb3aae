"""Means over diagnostic pairs of what patches, paths and perturbations do, and their intervals."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from scipy.stats import ttest_1samp

from relevance_neurons.ablation.verdicts import holm
from relevance_neurons.statistics.bootstrap import bounds, resampled_means

REPLICATES = 2000
NOTHING = 1e-5
"""Effects of pairs that differ by less do not: logits are float32."""

PATCH = ("grid", "site", "layer", "head", "token_class")
PATH = ("sender_layer", "sender_head", "receiver", "receiver_layer", "receiver_head")
OF = ("collection", "perturbation")


def summarise_patches(shares: pl.DataFrame, seed: int) -> pl.DataFrame:
    """A row is a patch (the table patches); ``shares``: rows of patch_shares.sql of patch_effects.

    Holm's families are the patches of one collection, perturbation, grid and site.
    """
    estimated = (pl.col("estimate") - pl.col("logit_before")) / _WHOLE
    more = [
        pl.when(pl.col("effect").is_not_null()).then(estimated).mean().alias("estimated_effect"),
        (100 * pl.col("flipped").mean()).alias("flipped_percent"),
        pl.col("flipped").is_not_null().sum().cast(pl.Int64).alias("n_compared"),
    ]
    return _summary(shares, PATCH, ("grid", "site"), more, seed)


def summarise_paths(shares: pl.DataFrame, seed: int) -> pl.DataFrame:
    """A row is a path (the table path_patches); ``shares``: of path_effects, receiver_effects.

    Holm's families are the senders to one receiver of one collection and perturbation.
    """
    families = ("receiver", "receiver_layer", "receiver_head")
    return _summary(shares, PATH, families, [], seed)


def summarise_doses(scores: pl.DataFrame, seed: int) -> pl.DataFrame:
    """What a perturbation does to the score by its level (the table dose_scores).

    ``scores``: the table diagnostic_scores. ``logit_change``: mean of after - before.
    """
    changes = scores.with_columns(effect=pl.col("logit_after") - pl.col("logit_before"))
    found = _intervals(changes, ("level",), seed).rename({"effect": "logit_change"})
    return found.select(*OF, "level", "n_pairs", "logit_change", "ci_low", "ci_high").sort(
        *OF, "level"
    )


_WHOLE = pl.col("logit_after") - pl.col("logit_before")


def _summary(
    shares: pl.DataFrame,
    keys: Sequence[str],
    families: Sequence[str],
    more: Sequence[pl.Expr],
    seed: int,
) -> pl.DataFrame:
    key = [*OF, *keys]
    counts = shares.group_by(key).agg(
        *more,
        n_small=pl.col("effect").is_null().sum().cast(pl.Int64),
        logit_change=pl.col("logit_change").mean(),
    )
    used = shares.filter(pl.col("effect").is_not_null())
    found = counts.join(_intervals(used, keys, seed), on=key, how="left", nulls_equal=True)
    found = found.with_columns(pl.col("n_pairs").fill_null(0)).sort(key, nulls_last=False)
    names = pl.concat_str(
        [pl.col(one).cast(pl.String) for one in (*OF, *families)], separator=" ", ignore_nulls=True
    )
    corrected, _ = holm(found["p_value"], found.select(names).to_series())
    columns = ["n_pairs", "n_small", "effect", "ci_low", "ci_high", "p_value", "p_value_holm"]
    last = [one.meta.output_name() for one in more]
    return found.with_columns(p_value_holm=corrected).select(*key, *columns, "logit_change", *last)


def _intervals(used: pl.DataFrame, keys: Sequence[str], seed: int) -> pl.DataFrame:
    """Mean effect over pairs, its bootstrap interval, and the p of a t-test that it is 0.

    A pair is resampled with all its patches. One pair has no interval and no test.
    """
    key = [*OF, *keys]
    parts = [
        names.with_columns(
            n_pairs=pl.lit(values.shape[1], pl.Int64),
            effect=pl.Series(values.mean(1), dtype=pl.Float64),
            **_uncertainty(values, seed),
        )
        for names, values in _matrices(used, key)
    ]
    schema = (
        {name: used.schema[name] for name in key}
        | {"n_pairs": pl.Int64}
        | dict.fromkeys(("effect", "ci_low", "ci_high", "p_value"), pl.Float64)
    )
    return pl.concat([pl.DataFrame(schema=schema), *(part.select(list(schema)) for part in parts)])


def _matrices(used: pl.DataFrame, key: Sequence[str]) -> Iterator[tuple[pl.DataFrame, np.ndarray]]:
    """Patches that the same pairs have, and their effects, shape (n_patches, n_pairs)."""
    for _, group in used.group_by(OF, maintain_order=True):
        rows = (
            group.sort("pair")
            .group_by(key, maintain_order=True)
            .agg("pair", "effect")
            .sort(key, nulls_last=False)
        )
        for _, same in rows.group_by("pair", maintain_order=True):
            yield same.select(key), np.array(same["effect"].to_list(), dtype=np.float64)


def _uncertainty(values: np.ndarray, seed: int) -> dict[str, pl.Series]:
    """ci_low, ci_high and p_value of the mean of each row of ``values``, (n_patches, n_pairs)."""
    if values.shape[1] < 2:
        nothing = pl.Series([None] * len(values), dtype=pl.Float64)
        return dict.fromkeys(("ci_low", "ci_high", "p_value"), nothing)
    means = resampled_means(values, np.random.default_rng(seed), REPLICATES)
    low, high = bounds(means)
    equal = np.ptp(values, axis=1) < NOTHING
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of equal effects, which are told apart below
        p_values = ttest_1samp(values, 0.0, axis=1).pvalue
    p_values = np.where(equal, np.abs(values.mean(1)) < NOTHING, p_values)  # as paired_p
    return {
        "ci_low": pl.Series(low, dtype=pl.Float64),
        "ci_high": pl.Series(high, dtype=pl.Float64),
        "p_value": pl.Series(p_values, dtype=pl.Float64),
    }
