"""Does the overlap of query and passage fall with the passage's rank? Spearman's correlation."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import rankdata

from relevance_neurons.tokens.query_sums import (
    EVERY,
    Replicated,
    Resampled,
    interval,
    known,
    mean_over_collections,
    resample,
    shared_cells,
)

TOKENS = ("important", "all")
FEWEST_RANKS = 3
PASSAGES = ("all", "not_relevant")
CORRELATIONS = pl.Schema(
    {"collection": pl.String, "tokens": pl.String, "passages": pl.String}
    | dict.fromkeys(("spearman", "ci_low", "ci_high", "p_value"), pl.Float64)
    | dict.fromkeys(("difference", "difference_low", "difference_high"), pl.Float64)
    | {"n_queries": pl.Int64, "n_ranks": pl.Int64}
)


def overlap_correlations(
    passages: pl.DataFrame, replicates: int = 10_000, seed: int = 0
) -> pl.DataFrame:
    """One row is a collection (and ``EVERY``) and the tokens compared: ``CORRELATIONS``.

    ``passages``: rows of token_overlaps.sql. The column passages: all, or those alone that are not
    relevant. Scores are of the label that a passage has, so that where the relevant ones stand at
    the top a correlation of all may be one with the label. A rank's mean is over the queries that
    have such a passage there.

    spearman: of rank and the mean over queries of the Jaccard index (paper 004, figure 2). ci_low,
    ci_high: 95 % percentile bootstrap over queries. Resampled means carry their sampling noise
    twice, which takes a correlation towards 0: the interval may end below (the value of) a strong
    correlation. p_value: null, the interval decides. A test over ranks takes them for independent,
    while all of them have the same queries. difference: of important tokens less that of all, in
    the row of important; its interval is paired. Null below three ranks, and where all means are
    equal.
    """
    kept = {"all": passages, "not_relevant": passages.filter(~pl.col("is_relevant"))}
    rows = [
        row | {"passages": name}
        for name in PASSAGES
        for of in _means_of_all(kept[name], replicates, seed)
        for row in _rows(*of)
    ]
    return pl.DataFrame(rows, schema=CORRELATIONS, orient="row")


def _means_of_all(passages: pl.DataFrame, replicates: int, seed: int) -> list[tuple]:
    """Of each collection, and of ``EVERY`` where there are several, the arguments of ``_rows``."""
    values = [f"jaccard_{name}" for name in TOKENS]
    each = list(resample(passages, ["rank"], values, replicates, seed))
    of = [(one.collection, one.cells, _means(one), int(one.n_queries.max())) for one in each]
    if len(each) > 1:
        cells, places = shared_cells(each)
        means = {
            name: mean_over_collections(
                [
                    (one[2][name][0][i], one[2][name][1][:, i])
                    for one, i in zip(of, places, strict=True)
                ]
            )
            for name in TOKENS
        }
        of.append((EVERY, cells, means, sum(one[3] for one in of)))
    return of


def spearman_rows(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each row of ``values``, shape (rows, ranks), with ``ranks``.

    A rank at which a row has no value (NaN) is left out of it.
    """
    there = np.isfinite(values)
    a = _centred(np.where(there, values, np.nan))
    b = _centred(np.where(there, ranks, np.nan)) if not there.all() else _centred(ranks[None])
    with np.errstate(all="ignore"):
        found = np.nansum(a * b, axis=1) / np.sqrt(np.nansum(a**2, 1) * np.nansum(b**2, 1))
    return np.where(there.sum(axis=1) < FEWEST_RANKS, np.nan, found)


def _centred(values: np.ndarray) -> np.ndarray:
    """Ranks of each row's values less their mean."""
    ranks = rankdata(values, axis=1, nan_policy="omit")
    return ranks - np.nansum(ranks, axis=1, keepdims=True) / np.maximum(
        np.isfinite(ranks).sum(axis=1, keepdims=True), 1
    )


def _means(one: Resampled) -> dict[str, Replicated]:
    return {name: one.ratio(f"jaccard_{name}") for name in TOKENS}


def _rows(
    collection: str, cells: pl.DataFrame, means: dict[str, Replicated], n_queries: int
) -> list[dict[str, object]]:
    ranks = cells["rank"].to_numpy()
    if len(ranks) < FEWEST_RANKS:
        return []
    found, rows = {}, []
    for name, (value, replicated) in means.items():
        found[name] = spearman_rows(value[None], ranks)[0], spearman_rows(replicated, ranks)
        low, high = interval(found[name][1])
        row: dict[str, object] = {"collection": collection, "tokens": name}
        row |= {"spearman": known(found[name][0]), "ci_low": low, "ci_high": high}
        rows.append(row | {"n_queries": n_queries, "n_ranks": len(ranks)})
    (one, replicated), (other, others) = found["important"], found["all"]
    low, high = interval(replicated - others)
    rows[0] |= {"difference": known(one - other)}
    rows[0] |= {"difference_low": low, "difference_high": high}
    return rows
