"""The mean scores of a map over its pairs, and what the sums of its shards give together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from relevance_neurons.attribution.running_scores import RunningScores
from relevance_neurons.attribution.token_kinds import TOKEN_KINDS, kinds_frame
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.running.shown_tables import html_table, text_table

if TYPE_CHECKING:  # shards are merged without torch, which takes seconds
    from relevance_neurons.attribution.pair_scores import PairCheck


_SHOWN = {"layer": "{}", "component": "{}", "neuron": "{}", "score": "{:+.3g}"}
_AT_EACH_END = 5


@dataclass(repr=False)
class Attribution:
    """The mean scores over pairs and, per pair, what tells how far they can be trusted.

    ``measured``, bool of shape (n_neurons,), says of a method that scores some neurons alone which
    these are; the others' score of 0 means nothing. ``kind_totals``, shape (n_kinds, n_neurons):
    the sums over pairs by kind of token, where they were asked for. ``method`` is the one that
    scored them, where shards were not merged.
    """

    label: str
    neurons: pl.DataFrame
    running: RunningScores
    checked: list[PairCheck] = field(default_factory=list)
    measured: np.ndarray | None = None
    kind_totals: np.ndarray | None = None
    method: str | None = None

    def add(self, number: int, scores: np.ndarray) -> None:
        """Add the scores of pair ``number``: of all neurons, or these and a row each kind below."""
        if scores.ndim > 1:
            scores, by_kind = scores[0], scores[1:]
            self.kind_totals += by_kind
        self.running.add(number, scores)

    def frame(self) -> pl.DataFrame:
        """A row per neuron: layer, component, neuron, score, standard_error, n_pairs (, measured).

        Under a target within queries n_pairs counts these: a query's pairs are scored together.
        """
        return self.neurons.with_columns(
            score=pl.Series(self.running.mean()),
            standard_error=pl.Series(self.running.standard_error()).fill_nan(None),
            n_pairs=pl.lit(self.running.n_pairs, dtype=pl.Int32),
            **self._measured(),
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

        total and squares; replicate_totals and half_totals (lists) where resampling was asked for;
        measured where there is such a thing. ``merge_shards`` takes them.
        """
        sums = self.running.sums()
        columns = self._measured()
        columns |= {name: pl.Series(sums[name]) for name in ("total", "squares")}
        for name in ("replicate_totals", "half_totals"):
            if len(sums[name]):
                columns[name] = self._lists(sums[name], pl.Float64)
        return self.neurons.with_columns(**columns)

    def token_kinds(self) -> pl.DataFrame:
        """A row per neuron and kind of token: layer, component, neuron, kind, score, n_pairs.

        kind: one of ``TOKEN_KINDS``, which token_kinds.py explains; a neuron's five scores, means
        over the pairs, add up to that of ``frame``. Raises ``UserError`` unless ``attribute`` was
        asked for them.
        """
        return kinds_frame(self.neurons, self._kinds(), self.running.n_pairs)

    def kind_sums(self) -> pl.DataFrame:
        """A row per neuron: layer, component, neuron, and of each kind the sum over the pairs.

        ``merge_token_kinds`` takes them. Raises ``UserError`` as ``token_kinds``.
        """
        return self.neurons.with_columns(
            pl.Series(kind, total) for kind, total in zip(TOKEN_KINDS, self._kinds(), strict=True)
        )

    def checks(self) -> pl.DataFrame:
        """A row per pair, in the order given (``pair_numbers``).

        f_input, f_baseline, cut_sum, residual (the change of F that the cut misses), n_points,
        error_estimate (the adaptive grid's own, in units of F; null for a uniform grid) and
        cost_forwards. Null stands for what the method does not have (see ``PairCheck``).
        """
        columns = {
            "f_input": pl.Float64,
            "f_baseline": pl.Float64,
            "cut_sum": pl.Float64,
            "n_points": pl.Int32,
            "error_estimate": pl.Float64,
            "cost_forwards": pl.Float64,
        }
        found = {name: [getattr(row, name) for row in self._in_order()] for name in columns}
        residual = pl.col("cut_sum") - (pl.col("f_input") - pl.col("f_baseline"))
        return pl.DataFrame(found, schema=columns).select(
            "f_input",
            "f_baseline",
            "cut_sum",
            residual.alias("residual"),
            "n_points",
            "error_estimate",
            "cost_forwards",
        )

    def pair_numbers(self) -> list[int]:
        """Which of the pairs given to ``attribute`` the rows of ``checks`` are, from 0."""
        return [row.pair for row in self._in_order()]

    def __repr__(self) -> str:
        return text_table(f"Attribution: {self._caption()}", *self._ends())

    def _repr_html_(self) -> str:
        """The neurons of the highest and the lowest scores as a table, for a notebook."""
        return html_table(self._caption(), *self._ends())

    def _caption(self) -> str:
        n_neurons = len(self.neurons) if self.measured is None else int(self.measured.sum())
        unit = "queries" if self.label == "difference" else "pairs"
        return (
            f"scores of {n_neurons:,} neurons, label {self.label}, {self.running.n_pairs:,} "
            f"{unit}; the {_AT_EACH_END} highest and the {_AT_EACH_END} lowest"
        )

    def _ends(self) -> tuple[pl.DataFrame, dict[str, str]]:
        """The rows that are shown, and how."""
        scores = self.frame() if self.running.n_pairs else self.neurons.clear()
        if scores.is_empty():
            return scores, dict.fromkeys(NEURON_COLUMNS, "{}")
        if self.measured is not None:
            scores = scores.filter("measured")
        order = scores.sort("score", descending=True, maintain_order=True)
        n_below = max(0, min(_AT_EACH_END, len(order) - _AT_EACH_END))
        shown = pl.concat([order.head(_AT_EACH_END), order.tail(n_below)])
        errors = {} if shown["standard_error"].is_null().all() else {"standard_error": "{:.2g}"}
        return shown, _SHOWN | errors

    def _in_order(self) -> list[PairCheck]:
        return sorted(self.checked, key=lambda row: row.pair)

    def _kinds(self) -> np.ndarray:
        if self.kind_totals is None:
            raise UserError(
                "token_kinds: the scores were not kept apart by kind of token; call attribute with "
                "token_kinds=True"
            )
        return self.kind_totals

    def _measured(self) -> dict[str, pl.Series]:
        return {} if self.measured is None else {"measured": pl.Series(self.measured)}

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
    are the whole's. Under a target within queries the number is that of a shard's queries. Raises
    ``UserError`` where no shard has a pair, or the neurons, or those that were measured, differ.
    """
    result, start = None, 0
    for frame, n_pairs in shards:
        neurons = frame.select(NEURON_COLUMNS)
        if result is None:
            running = RunningScores(len(frame), bootstrap_replicates, seed, split_halves)
            result = Attribution(label, neurons, running, measured=_measured_in(frame))
        same = np.array_equal(_measured_in(frame), result.measured)
        if not (same and neurons.equals(result.neurons)):
            raise UserError("shards: they hold different neurons; attribute all of them again")
        result.running.add_sums(range(start, start + n_pairs), _arrays(frame))
        start += n_pairs
    if not start:
        raise UserError("shards: none of them has a pair; at least one is needed")
    return result


def _measured_in(frame: pl.DataFrame) -> np.ndarray | None:
    return frame["measured"].to_numpy() if "measured" in frame.columns else None


def _arrays(frame: pl.DataFrame) -> dict[str, np.ndarray]:
    """The sums of ``Attribution.sums``; lists as arrays of shape (n_entries, n_neurons)."""
    sums = frame.drop(*NEURON_COLUMNS, "measured", strict=False)
    return {
        column.name: column.explode().to_numpy().reshape(len(frame), -1).T
        if column.dtype == pl.List
        else column.to_numpy()
        for column in sums
    }
