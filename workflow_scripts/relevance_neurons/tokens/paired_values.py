"""Two values of every query side by side: means, differences, which is higher, tests."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.stats import wilcoxon
from statsmodels.stats.proportion import proportion_confint

from relevance_neurons.ablation.verdicts import holm
from relevance_neurons.statistics.paired_tests import paired_p
from relevance_neurons.statistics.rounding import ROUNDING
from relevance_neurons.statistics.stratified_tests import stratified_test
from relevance_neurons.tokens.query_sums import EVERY, N_PAIRS, means_with_intervals

_TESTS = ("p_value", "p_value_holm", "p_value_wilcoxon")


def paired_values(
    values: pl.DataFrame,
    by: Sequence[str],
    more: Sequence[str] = (),
    replicates: int = 10_000,
    seed: int = 0,
) -> pl.DataFrame:
    """One row is a cell (``by``) of a collection, or of ``EVERY`` where there are several.

    ``values``: a row a query in a cell: collection, ``by``, query_id, value, base (what it is
    compared with) and ``more`` to be averaged. Columns: collection, ``by``, then means over queries
    with 95 % percentile bootstrap intervals over queries (_low, _high) of

    - value, base, difference (value - base) and each of ``more``;
    - higher_percent: the percent of queries whose value is above their base; its interval is the
      exact one instead (``exact_percents``): at 0 and 100 % a bootstrap's has no width;

    n_queries, and tests of the difference, null where all are 0: p_value, a two-tailed paired
    t-test (of ``EVERY`` collection ``stratified_test``); p_value_holm: over all of the table;
    p_value_wilcoxon: signed ranks, zeros dropped; null for ``EVERY``.
    """
    sums = values.with_columns(
        difference=pl.col("value") - pl.col("base"),
        higher_percent=100.0 * (pl.col("value") > pl.col("base") + ROUNDING),
        n_pairs=pl.lit(1),
    )
    names = ["value", "base", "difference", "higher_percent", *more]
    means = means_with_intervals(sums, by, names, replicates, seed).drop(N_PAIRS)
    means = exact_percents(means, by)
    rows = [
        {**dict(zip(by, cell, strict=True)), **row}
        for cell, frame in sums.sort(*by).group_by(by, maintain_order=True)
        for row in _tests(frame, " ".join(map(str, cell)))
    ]
    schema = means.select("collection", *by).schema | dict.fromkeys(_TESTS, pl.Float64)
    tests = pl.DataFrame(rows, schema=schema, orient="row")
    corrected, _ = holm(tests["p_value"], pl.Series(["table"] * len(tests), dtype=pl.String))
    tests = tests.with_columns(p_value_holm=corrected.cast(pl.Float64))
    return means.join(
        tests, on=["collection", *by], how="left", nulls_equal=True, maintain_order="left"
    )


def exact_percents(means: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """``means`` with exact 95 % intervals of higher_percent.

    Of a collection those of Clopper and Pearson (1934). Of ``EVERY`` collection, the mean of k
    shares p_i with ends l_i and u_i: mean - sqrt(sum (p_i - l_i)^2) / k to mean + sqrt(sum (u_i -
    p_i)^2) / k (Zou and Donner 2008), which keeps their width.
    """
    is_every = pl.col("collection") == EVERY
    percent, n = means["higher_percent"].to_numpy(), means["n_queries"].to_numpy()
    low, high = proportion_confint(np.rint(percent * n / 100), n, method="beta")
    names = {"low": "higher_percent_low", "high": "higher_percent_high"}
    ends = means.with_columns(
        pl.Series(names["low"], 100 * low, dtype=pl.Float64),
        pl.Series(names["high"], 100 * high, dtype=pl.Float64),
    )
    combined = {
        name: pl.col("higher_percent")
        + sign
        * ((pl.col(name) - pl.col("higher_percent")) ** 2).filter(~is_every).sum().sqrt().over(by)
        / (~is_every).sum().over(by)
        for name, sign in zip(names.values(), (-1, 1), strict=True)
    }
    return ends.with_columns(
        **{name: pl.when(is_every).then(one).otherwise(name) for name, one in combined.items()}
    )


def _tests(cell: pl.DataFrame, where: str) -> list[dict[str, object]]:
    """The tests of a cell in each collection, and in all of them."""
    rows: list[dict[str, object]] = []
    differences = []
    for (collection,), frame in cell.sort("query_id").group_by("collection", maintain_order=True):
        one = frame["difference"].to_numpy()
        differences.append(one)
        row: dict[str, object] = {"collection": collection}
        if np.abs(one).max() >= ROUNDING:
            zero = np.zeros(len(one))
            row |= {"p_value": paired_p(zero, one, f"{where} on {collection}")}
            row |= {"p_value_wilcoxon": _wilcoxon(one)}
        rows.append(row)
    if len(differences) > 1 and any(np.abs(one).max() >= ROUNDING for one in differences):
        rows.append({"collection": EVERY, "p_value": stratified_test(differences, where).p_value})
    return rows


def _wilcoxon(differences: np.ndarray) -> float | None:
    if len(differences) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few queries, or ties: it takes the normal approximation
        return float(wilcoxon(differences).pvalue)
