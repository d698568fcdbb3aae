"""Do the ablations change the ranking, over the queries of all collections of a domain at once?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.ablation.draw_controls import against_draws
from relevance_neurons.ablation.query_values import CELL, Cell, QueryValues, at_levels, query_values
from relevance_neurons.ablation.verdicts import ERRORS, with_verdicts
from relevance_neurons.statistics import paired_tests as tests
from relevance_neurons.statistics.stratified_tests import stratified_means, stratified_test

DOMAINS = ("in", "out", "all")
POOLED = pl.Schema(
    {
        "scheme": pl.String,
        "top_percent": pl.Float64,
        "domain": pl.String,
        "n_collections": pl.Int64,
        "collections": pl.List(pl.String),
        "original": pl.Float64,
        "pruned": pl.Float64,
        "difference_percent": pl.Float64,
        "p_value": pl.Float64,
        "p_value_holm": pl.Float64,
        "ci_low": pl.Float64,
        "ci_high": pl.Float64,
        "n_queries": pl.Int64,
        "p_value_random": pl.Float64,
        "p_value_random_t": pl.Float64,
        "p_value_matched": pl.Float64,
        "p_value_matched_t": pl.Float64,
        "detectable_percent": pl.Float64,
        "detectable_holm_percent": pl.Float64,
        "significant": pl.Boolean,
        "significant_holm": pl.Boolean,
    }
)


class _Pool(NamedTuple):
    """Collections of a domain whose rows say the same: those that have a cell."""

    domain: str
    values: list[QueryValues]

    @property
    def names(self) -> list[str]:
        return [one.collection for one in self.values]

    def draw_means(self, cell: Cell) -> np.ndarray | None:
        """The mean over collections of each draw that all of them have, shape (draws,).

        A draw of one number is the same set of neurons on every collection. None where one
        collection has none.
        """
        if any(cell not in one.ablated for one in self.values):
            return None
        shared = sorted(set.intersection(*(set(one.draws[cell]) for one in self.values)))
        means = [
            one.draw_means(cell)[[one.draws[cell].index(draw) for draw in shared]]
            for one in self.values
        ]
        return np.mean(means, axis=0)


def pooled_effects(
    measures: pl.DataFrame,
    scheme_sizes: pl.DataFrame,
    domains: Mapping[str, str],
    alpha: float = 0.05,
    levels: Sequence[float] | None = None,
    replicates: int = 10_000,
    seed: int = 0,
) -> pl.DataFrame:
    """Test every ablation once over the queries of all collections of a domain.

    Arguments as in ``ablation_effects``; ``domains``: collection -> in or out. One row is an
    ablation in a domain (in, out, or all: both) with at least two collections, where all is left
    out if one domain is all there is. Collections count alike, whatever their number of queries:

    - original, pruned: the mean over collections of their mean; difference_percent: 100 (pruned -
      original) / original of these two;
    - p_value: ``stratified_test``; p_value_holm: over the table, its families as in
      ``ablation_effects``: every domain counts;
    - ci_low, ci_high: 95 % percentile bootstrap of difference_percent, queries resampled within
      each collection;
    - p_value_random, _random_t, _matched, _matched_t: as in ``ablation_effects``, of the draws'
      means over the collections;
    - detectable_percent, detectable_holm_percent, significant, significant_holm: as there.

    A row's ``collections`` are those of the domain where it was measured, n_queries their queries.
    Empty schemes have rows of nulls. Raises ``UserError`` as ``ablation_effects`` does.
    """
    names = set(measures["collection"].unique())
    order = {name: place for place, name in enumerate(domains)}
    found = query_values(measures, scheme_sizes, levels)
    values = sorted(found, key=lambda one: order[one.collection])
    rows: list[dict] = []
    for pool, cells in _pools(values, domains):
        rows += _pool_rows(pool, cells, replicates, seed)
    empty = at_levels(scheme_sizes, levels).filter(pl.col("n_neurons") == 0).select(*CELL)
    for domain, members in _members(names, domains).items():
        cell = {"domain": domain, "n_collections": len(members), "collections": members}
        rows += [row | cell for row in empty.iter_rows(named=True)]
    effects = pl.DataFrame(rows, schema=pl.Schema({**POOLED, **ERRORS}), orient="row")
    return with_verdicts(effects, alpha).select(list(POOLED)).sort(*CELL, "domain")


def _members(measured: set[str], domains: Mapping[str, str]) -> dict[str, list[str]]:
    """Domain -> its collections, of the domains that have two; ``all`` only where it is more."""
    found = {
        domain: [one for one in domains if one in measured and domain in ("all", domains[one])]
        for domain in DOMAINS
    }
    if found["all"] in (found["in"], found["out"]):
        del found["all"]
    return {domain: members for domain, members in found.items() if len(members) > 1}


def _pools(
    values: list[QueryValues], domains: Mapping[str, str]
) -> Iterator[tuple[_Pool, list[Cell]]]:
    """Each domain's collections with the cells that all of these have, and no other of it has."""
    for domain, members in _members({one.collection for one in values}, domains).items():
        inside = [one for one in values if one.collection in members]
        having: dict[tuple[str, ...], list[Cell]] = {}
        for cell in sorted({cell for one in inside for cell in one.ablated}):
            names = tuple(one.collection for one in inside if cell in one.ablated)
            having.setdefault(names, []).append(cell)
        for names, cells in having.items():
            if len(names) > 1:
                yield _Pool(domain, [one for one in inside if one.collection in names]), cells


def _pool_rows(pool: _Pool, cells: list[Cell], replicates: int, seed: int) -> list[dict]:
    originals = [one.original for one in pool.values]
    original = float(np.mean([one.mean() for one in originals]))
    intervals = _intervals(pool, cells, replicates, seed)
    rows = []
    for i, (scheme, level) in enumerate(cells):
        pruned = [one.ablated[scheme, level].mean(axis=0) for one in pool.values]
        differences = [one - other for one, other in zip(pruned, originals, strict=True)]
        found = stratified_test(differences, f"{scheme} at {level:g} % ({pool.domain})")
        mean = float(np.mean([one.mean() for one in pruned]))
        row = {"scheme": scheme, "top_percent": level, "domain": pool.domain}
        row |= {"n_collections": len(pool.values), "collections": pool.names}
        row |= {"original": original, "pruned": mean, "n_queries": sum(map(len, originals))}
        row |= {"p_value": found.p_value, "freedom": found.freedom}
        if original != 0:
            row |= {"difference_percent": 100 * (mean - original) / original}
            row |= {"ci_low": intervals[0][i], "ci_high": intervals[1][i]}
            row |= against_draws(pool.draw_means, scheme, level)
            if found.error is not None:
                row |= {"error_percent": 100 * found.error / original}
        rows.append(row)
    return rows


def _intervals(
    pool: _Pool, cells: list[Cell], replicates: int, seed: int
) -> tuple[tests.Bounds, tests.Bounds]:
    """Bounds of difference_percent of each of ``cells``; None where a collection has 1 query."""
    if min(len(one.original) for one in pool.values) < 2:
        return [None] * len(cells), [None] * len(cells)
    rows = [  # ``difference_bounds`` asks for a floor in the second row, and does not read it
        np.vstack([one.original, one.original, *(one.ablated[cell].mean(axis=0) for cell in cells)])
        for one in pool.values
    ]
    rngs = [one.rng(seed) for one in pool.values]
    return tests.difference_bounds(stratified_means(rows, rngs, replicates))
