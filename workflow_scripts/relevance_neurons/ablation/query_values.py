"""The measure of every query under every ablation: what tests, intervals and curves start from."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.selection import ablation_kinds as kinds

CELL = ["scheme", "top_percent"]
_CONDITION = [*CELL, "draw"]

Cell = tuple[str, float]
"""(scheme with its kind, top_percent)"""


class QueryValues(NamedTuple):
    """The measure of a collection's n queries: the original's (n,), the floor's (n,), and of each
    cell the draws', shape (draws, n), with their numbers."""

    collection: str
    original: np.ndarray
    floor: np.ndarray | None
    ablated: dict[Cell, np.ndarray]
    draws: dict[Cell, list[int]]

    def rng(self, seed: int) -> np.random.Generator:
        """See ``collection_rng``."""
        return collection_rng(self.collection, seed)

    def draw_means(self, cell: Cell) -> np.ndarray | None:
        """The mean over queries of each draw, shape (draws,); None for what was not measured."""
        draws = self.ablated.get(cell)
        return None if draws is None else draws.mean(axis=1)


def collection_rng(collection: str, seed: int) -> np.random.Generator:
    """For replicates of the queries that do not depend on which other collections there are."""
    return np.random.default_rng([seed, zlib.crc32(collection.encode())])


def read_measures(
    files: Sequence[str | Path], collections: Sequence[str], schemes: Sequence[str]
) -> pl.DataFrame:
    """The measures of ``schemes``, of all their kinds, and of the whole ranker.

    ``files`` are in the order of ``collections``, whose names they lack.
    """
    asked = pl.col("of").is_in([*schemes, kinds.UNPRUNED, kinds.SHUFFLED])
    frames = [
        kinds.with_kind(pl.read_parquet(file))
        .filter(asked)
        .select(pl.lit(name).alias("collection"), pl.exclude("kind", "of"))
        for file, name in zip(files, collections, strict=True)
    ]
    return pl.concat(frames)


def sizes_of(file: str | Path, schemes: Sequence[str]) -> pl.DataFrame:
    """The rows of scheme_sizes that are of ``schemes``, of all their kinds."""
    return (
        kinds.with_kind(pl.read_parquet(file))
        .filter(pl.col("of").is_in(list(schemes)))
        .drop("kind", "of")
    )


def query_values(
    measures: pl.DataFrame, scheme_sizes: pl.DataFrame, levels: Sequence[float] | None = None
) -> list[QueryValues]:
    """The values of each collection, of what was ablated at ``levels`` (None: at all of them).

    ``measures``: collection, scheme, top_percent, draw, query_id, measure, value, one measure;
    ``scheme_sizes``: scheme, top_percent, n_neurons. Ablations of no neuron are left out. Raises
    ``UserError`` if the unpruned ranker, a query or a scheme's size is missing.
    """
    if measures["measure"].n_unique() != 1:
        raise UserError(f"measures: found {sorted(measures['measure'].unique())}; one is allowed")
    measures = at_levels(measures, levels)
    whole = pl.col("scheme").is_in([kinds.UNPRUNED, kinds.SHUFFLED])
    sizes = with_sizes(measures.filter(~whole).select(*CELL).unique(), scheme_sizes)
    empty = sizes.filter(pl.col("n_neurons") == 0)
    left = measures.join(empty, on=CELL, how="anti")
    groups = left.partition_by("collection", as_dict=True)
    return [_of_collection(str(name), frame) for (name,), frame in groups.items()]


def at_levels(frame: pl.DataFrame, levels: Sequence[float] | None) -> pl.DataFrame:
    """The rows of ``levels``, and those without any: the unpruned ranker's, the shuffled pools'."""
    if levels is None:
        return frame
    whole = pl.col("scheme").is_in([kinds.UNPRUNED, kinds.SHUFFLED])
    asked = pl.Series([float(level) for level in levels], dtype=pl.Float64)
    return frame.filter(whole | pl.col("top_percent").is_in(asked.implode()))


def with_sizes(frame: pl.DataFrame, scheme_sizes: pl.DataFrame) -> pl.DataFrame:
    """Add n_neurons: that of the row's full name or else of its scheme (``keep_only``: what stays).

    The other end of a ranking may have a size of its own, under ``bottom:<scheme>``: where a scheme
    is an intersection. Raises ``UserError`` where there is none.
    """
    sizes = scheme_sizes.select(*CELL, n_neurons=pl.col("n_neurons").cast(pl.Int64))
    of_scheme = sizes.rename({"scheme": "of", "n_neurons": "of_scheme"})
    found = (
        kinds.with_kind(frame)
        .join(sizes, on=CELL, how="left", maintain_order="left")
        .join(of_scheme, on=["of", "top_percent"], how="left", maintain_order="left")
        .with_columns(n_neurons=pl.coalesce("n_neurons", "of_scheme"))
    )
    unknown = found.filter(pl.col("n_neurons").is_null())
    if unknown.height:
        scheme, top_percent = unknown.select("of", "top_percent").row(0)
        raise UserError(
            f"scheme sizes: none for {scheme} at {top_percent} %, which was ablated; give its "
            "n_neurons"
        )
    return found.select(*frame.columns, "n_neurons")


def _of_collection(collection: str, frame: pl.DataFrame) -> QueryValues:
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
    groups = conditions.group_by(*CELL, maintain_order=True).agg("value", "draw")
    cells = {
        (scheme, level): (values, draws) for scheme, level, values, draws in groups.iter_rows()
    }
    ablated = {cell: np.array(values) for cell, (values, _) in cells.items()}
    if (kinds.UNPRUNED, 0.0) not in ablated:
        raise UserError(
            f"measures of {collection}: no rows of scheme none; measure the unpruned ranker too"
        )
    (original,) = ablated.pop((kinds.UNPRUNED, 0.0))
    shuffled = ablated.pop((kinds.SHUFFLED, 0.0), None)
    floor = None if shuffled is None else shuffled.mean(axis=0)
    draws = {cell: cells[cell][1] for cell in ablated}
    return QueryValues(collection, original, floor, ablated, draws)
