"""Means over pairs with intervals over queries: the pairs of a query are resampled together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from relevance_neurons.ablation.query_values import collection_rng
from relevance_neurons.statistics.bootstrap import CONFIDENCE, bounds, resampled_means

EVERY = "all"
"""In place of a collection: the mean over all of them, each counting alike."""
N_PAIRS = "n_pairs"
Replicated = tuple[np.ndarray, np.ndarray]
"""What a statistic is, shape (cells,), and in every replicate, shape (replicates, cells)."""


@dataclass(frozen=True)
class Resampled:
    """Means over the queries of a collection of what their pairs add up to.

    ``cells``: a row a cell; ``n_pairs``, ``n_queries``: of each cell, shape (cells,); ``observed``
    and ``replicated``: value -> means per query (a query that a cell lacks adds 0, to the number
    of pairs too), shapes (cells,) and (replicates, cells). All cells share their replicates, so
    that what is computed from two of them is paired. Of a single query there are no replicates.
    """

    collection: str
    cells: pl.DataFrame
    n_pairs: np.ndarray
    n_queries: np.ndarray
    observed: Mapping[str, np.ndarray]
    replicated: Mapping[str, np.ndarray]

    def ratio(self, above: str, below: str = N_PAIRS) -> Replicated:
        """Sum over pairs of ``above`` by that of ``below``; NaN where that is not above 0."""
        return (
            _divided(self.observed[above], self.observed[below]),
            _divided(self.replicated[above], self.replicated[below]),
        )


def resample(
    sums: pl.DataFrame,
    by: Sequence[str],
    values: Sequence[str],
    replicates: int = 10_000,
    seed: int = 0,
) -> Iterator[Resampled]:
    """Yield the collections of ``sums``, by name.

    ``sums``: a row a query in a cell: collection, ``by`` (what a cell is; may hold nulls),
    query_id, n_pairs and, of ``values``, the sums over these pairs.
    """
    for (collection,), frame in sums.sort("collection").group_by("collection", maintain_order=True):
        cells = frame.select(by).unique().sort(by, nulls_last=True).with_row_index("cell")
        queries = frame.select("query_id").unique().sort("query_id").with_row_index("query")
        placed = frame.join(cells, on=list(by), nulls_equal=True).join(queries, on="query_id")
        at = placed["cell"].to_numpy(), placed["query"].to_numpy()
        table = {name: np.zeros((len(cells), len(queries))) for name in (*values, N_PAIRS)}
        for name, one in table.items():
            one[at] = placed[name].cast(pl.Float64).to_numpy()
        n = replicates if len(queries) > 1 else 0
        rng = collection_rng(collection, seed)
        found = resampled_means(np.vstack(list(table.values())), rng, n) if n else None
        yield Resampled(
            collection,
            cells.drop("cell"),
            table[N_PAIRS].sum(axis=1).astype(np.int64),
            (table[N_PAIRS] > 0).sum(axis=1),
            {name: one.mean(axis=1) for name, one in table.items()},
            {
                name: np.empty((0, len(cells)))
                if found is None
                else found[:, place * len(cells) : (place + 1) * len(cells)]
                for place, name in enumerate(table)
            },
        )


def interval_columns(name: str, found: Replicated) -> dict[str, list[float | None]]:
    """``name``, ``name``_low and ``name``_high of every cell: 95 % percentile intervals."""
    value, replicated = found
    ends = [interval(replicated[:, cell]) for cell in range(len(value))]
    return {
        name: [known(one) for one in value],
        f"{name}_low": [low for low, _ in ends],
        f"{name}_high": [high for _, high in ends],
    }


def interval(replicated: np.ndarray) -> tuple[float | None, float | None]:
    """95 % percentile interval; none where fewer than 95 % of the replicates have a value."""
    finite = replicated[np.isfinite(replicated)]
    if not len(finite) or len(finite) < CONFIDENCE * len(replicated):
        return None, None
    (low,), (high,) = bounds(finite[:, None])
    return low, high


def known(value: float) -> float | None:
    """``value`` as a table has it: None for NaN and infinities."""
    return float(value) if np.isfinite(value) else None


def mean_over_collections(each: Sequence[Replicated]) -> Replicated:
    """The mean of what the collections have, replicate by replicate."""
    shortest = min(len(replicated) for _, replicated in each)
    return (
        np.mean([value for value, _ in each], axis=0),
        np.mean([replicated[:shortest] for _, replicated in each], axis=0),
    )


def shared_cells(each: Sequence[Resampled]) -> tuple[pl.DataFrame, list[np.ndarray]]:
    """Cells that all collections have, and where they are in each."""
    cells = each[0].cells
    by = cells.columns
    for one in each[1:]:
        cells = cells.join(one.cells, on=by, how="semi", nulls_equal=True)
    places = []
    for one in each:
        numbered = one.cells.with_row_index("cell")
        joined = cells.join(numbered, on=by, nulls_equal=True, maintain_order="left")
        places.append(joined["cell"].to_numpy())
    return cells, places


def means_with_intervals(
    sums: pl.DataFrame,
    by: Sequence[str],
    values: Sequence[str],
    replicates: int = 10_000,
    seed: int = 0,
) -> pl.DataFrame:
    """One row is a cell of a collection, or of ``EVERY`` where there are several.

    Arguments as in ``resample``. Columns: collection, ``by``; of each of ``values`` its mean over
    pairs with a 95 % percentile bootstrap interval over queries (_low, _high); n_pairs, n_queries.
    No rows of no sums.
    """
    each = list(resample(sums, by, values, replicates, seed))
    frames = [_frame(one, {name: one.ratio(name) for name in values}) for one in each]
    if len(each) > 1:
        frames.append(_every(each, values))
    if frames:
        return pl.concat(frames, how="vertical_relaxed")
    nothing = np.empty(0), np.empty((0, 0))
    of_none = Resampled("", sums.select(by), np.empty(0), np.empty(0), {}, {})
    return _frame(of_none, dict.fromkeys(values, nothing))


def _every(each: Sequence[Resampled], values: Sequence[str]) -> pl.DataFrame:
    cells, places = shared_cells(each)
    found = {}
    for name in values:
        ratios = [one.ratio(name) for one in each]
        at = [(one[0][i], one[1][:, i]) for one, i in zip(ratios, places, strict=True)]
        found[name] = mean_over_collections(at)
    numbers = [
        np.sum([getattr(one, of)[i] for one, i in zip(each, places, strict=True)], axis=0)
        for of in ("n_pairs", "n_queries")
    ]
    return _frame(Resampled(EVERY, cells, *numbers, {}, {}), found)


def _frame(one: Resampled, found: Mapping[str, Replicated]) -> pl.DataFrame:
    columns: dict[str, list[float | None]] = {}
    for name, of in found.items():
        columns |= interval_columns(name, of)
    return one.cells.select(pl.lit(one.collection).alias("collection"), pl.all()).with_columns(
        **{name: pl.Series(name, values, dtype=pl.Float64) for name, values in columns.items()},
        n_pairs=pl.Series(one.n_pairs, dtype=pl.Int64),
        n_queries=pl.Series(one.n_queries, dtype=pl.Int64),
    )


def _divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.where(below > 1e-12, above / below, np.nan)
