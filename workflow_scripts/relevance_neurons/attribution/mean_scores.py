"""The mean scores of a map over its pairs, and what the sums of its shards give together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from relevance_neurons.attribution.running_scores import RunningScores
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import NEURON_COLUMNS

if TYPE_CHECKING:  # shards are merged without torch, which takes seconds
    from relevance_neurons.attribution.pair_scores import PairCheck


@dataclass
class Attribution:
    """The mean scores over pairs and, per pair, what tells how far they can be trusted."""

    label: str
    neurons: pl.DataFrame
    running: RunningScores
    checked: list[PairCheck] = field(default_factory=list)

    def frame(self) -> pl.DataFrame:
        """A row per neuron: layer, component, neuron, score, standard_error, n_pairs."""
        return self.neurons.with_columns(
            score=pl.Series(self.running.mean()),
            standard_error=pl.Series(self.running.standard_error()).fill_nan(None),
            n_pairs=pl.lit(self.running.n_pairs, dtype=pl.Int32),
        )

    def replicates(self) -> pl.DataFrame:
        """A row per neuron: layer, component, neuron, replicate_scores (a list of means)."""
        scores = self._lists(self.running.replicate_means())
        return self.neurons.with_columns(replicate_scores=scores)

    def halves(self) -> pl.DataFrame:
        """A row per neuron: layer, component, neuron, first_half, second_half.

        Lists with the mean scores of both halves, an entry per random halving of the pairs.
        """
        means = map(self._lists, self.running.half_means())
        names = ("first_half", "second_half")
        return self.neurons.with_columns(**dict(zip(names, means, strict=True)))

    def sums(self) -> pl.DataFrame:
        """A row per neuron: layer, component, neuron, and the sums over pairs in float64.

        total and squares; replicate_totals and half_totals (lists) where resampling was asked for.
        ``merge_shards`` takes them.
        """
        sums = self.running.sums()
        columns = {name: pl.Series(sums[name]) for name in ("total", "squares")}
        for name in ("replicate_totals", "half_totals"):
            if len(sums[name]):
                columns[name] = self._lists(sums[name], pl.Float64)
        return self.neurons.with_columns(**columns)

    def checks(self) -> pl.DataFrame:
        """A row per pair, in the order given.

        f_input, f_baseline, cut_sum, residual (the change of F that the cut misses), n_points and
        error_estimate (the adaptive grid's own, in units of F; null for a uniform grid).
        """
        rows = sorted(self.checked, key=lambda row: row.pair)
        columns = {
            "f_input": pl.Float64,
            "f_baseline": pl.Float64,
            "cut_sum": pl.Float64,
            "n_points": pl.Int32,
            "error_estimate": pl.Float64,
        }
        found = {name: [getattr(row, name) for row in rows] for name in columns}
        residual = pl.col("cut_sum") - (pl.col("f_input") - pl.col("f_baseline"))
        return pl.DataFrame(found, schema=columns).select(
            "f_input",
            "f_baseline",
            "cut_sum",
            residual.alias("residual"),
            "n_points",
            "error_estimate",
        )

    @staticmethod
    def _lists(means: np.ndarray, dtype: type[pl.DataType] = pl.Float32) -> pl.Series:
        """A list per neuron of ``means``, shape (n_entries, n_neurons)."""
        scores = np.ascontiguousarray(means.T)
        return (
            pl.Series(scores, dtype=pl.Array(pl.Float64, len(means)))
            .arr.to_list()
            .cast(pl.List(dtype))
        )


def merge_shards(
    label: str,
    shards: Iterable[tuple[pl.DataFrame, int]],
    bootstrap_replicates: int = 0,
    split_halves: int = 0,
    seed: int = 0,
) -> Attribution:
    """What ``attribute`` gives for all pairs, from the ``sums`` and number of pairs of each shard.

    ``shards`` come in the order of their pairs and are read one by one; the other arguments are
    those of ``attribute``. The result has no ``checks``: those of the shards, one after the other,
    are the whole's. Raises ``UserError`` where no shard has a pair or the neurons differ.
    """
    result, start = None, 0
    for frame, n_pairs in shards:
        neurons = frame.select(NEURON_COLUMNS)
        if result is None:
            running = RunningScores(len(frame), bootstrap_replicates, seed, split_halves)
            result = Attribution(label, neurons, running)
        if not neurons.equals(result.neurons):
            raise UserError("shards: they hold different neurons; attribute all of them again")
        result.running.add_sums(range(start, start + n_pairs), _arrays(frame))
        start += n_pairs
    if not start:
        raise UserError("shards: none of them has a pair; at least one is needed")
    return result


def _arrays(frame: pl.DataFrame) -> dict[str, np.ndarray]:
    """The columns of ``Attribution.sums``; lists as arrays of shape (n_entries, n_neurons)."""
    sums = frame.drop(NEURON_COLUMNS)
    return {
        column.name: column.explode().to_numpy().reshape(len(frame), -1).T
        if column.dtype == pl.List
        else column.to_numpy()
        for column in sums
    }
