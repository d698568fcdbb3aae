"""What a table of tests says as a whole: Holm's correction, and what could have been found."""

from __future__ import annotations

import numpy as np
import polars as pl
from statsmodels.stats.multitest import multipletests

from relevance_neurons.selection import ablation_kinds as kinds
from relevance_neurons.statistics.power import detectable

TABLE4 = (kinds.PLAIN, kinds.RANDOM)
"""The kinds of ablation that one family of tests is of."""
ERRORS = {"error_percent": pl.Float64, "freedom": pl.Int64}
"""What a row has before it is judged: the standard error of difference_percent (None where there is
none; the original's mean is taken as known) and its degrees of freedom."""


def holm(p_values: pl.Series, families: pl.Series) -> tuple[pl.Series, pl.Series]:
    """p-values after Holm's step-down within each family, and how many tests that family has."""
    tested = p_values.is_not_null().to_numpy()
    values, of = p_values.fill_null(np.nan).to_numpy(), families.to_numpy()
    corrected, sizes = np.full(len(values), np.nan), np.zeros(len(values), dtype=np.int64)
    for family in np.unique(of[tested]):
        rows = tested & (of == family)
        corrected[rows] = multipletests(values[rows], method="holm")[1]
        sizes[rows] = rows.sum()
    return pl.Series(corrected).fill_nan(None), pl.Series(sizes)


def with_verdicts(effects: pl.DataFrame, alpha: float) -> pl.DataFrame:
    """Fill p_value_holm, detectable_percent, detectable_holm_percent and the verdicts.

    The plain and random rows of the table are one family (table 4 of the paper), every further
    kind is its own. ``effects`` has the columns ``ERRORS`` too, which are dropped.
    """
    families = kinds.with_kind(effects)["kind"].replace(dict.fromkeys(TABLE4, "table 4"))
    corrected, sizes = holm(effects["p_value"], families)
    return (
        effects.with_columns(
            p_value_holm=corrected,
            detectable_percent=_detectable(effects, [alpha] * len(effects)),
            detectable_holm_percent=_detectable(effects, [alpha / max(1, n) for n in sizes]),
        )
        .with_columns(
            significant=pl.col("p_value") <= alpha,
            significant_holm=pl.col("p_value_holm") <= alpha,
        )
        .drop(ERRORS)
    )


def _detectable(effects: pl.DataFrame, alphas: list[float]) -> pl.Series:
    rows = effects.select(list(ERRORS)).iter_rows()
    found = [
        detectable(error, freedom or 0, alpha)
        for (error, freedom), alpha in zip(rows, alphas, strict=True)
    ]
    return pl.Series(found, dtype=pl.Float64)
