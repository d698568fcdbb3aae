"""Mean Neuron Integrated Gradients over pairs (Vast et al. 2024, equation 1)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from relevance_neurons.attribution.adaptive import MAX_POINTS
from relevance_neurons.attribution.pair_scores import PairCheck, Settings, score_pairs
from relevance_neurons.attribution.running_scores import RunningScores
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.neurons import NEURON_COLUMNS
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.running.shards import shard_range

logger = logging.getLogger(__name__)


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


def attribute(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    label: str = "relevant",
    baseline: str = "pad_all",
    target: str = "probability",
    quadrature: str = "adaptive",
    tolerance: float | None = None,
    n_points: int | None = None,
    bootstrap_replicates: int = 0,
    split_halves: int = 0,
    seed: int = 0,
    shard: tuple[int, int] = (0, 1),
) -> Attribution:
    """Mean Neuron Integrated Gradients of every neuron over ``pairs`` of (query, passage).

    The path runs in word-embedding space from ``baseline`` (a name of ``BASELINES``) to the pair;
    F is the ``target`` of ``label``; a pair's score is summed over its tokens. ``quadrature`` is
    the rule of the integral: "adaptive" takes as many points of each pair as its estimated error
    needs to fall to ``tolerance`` (0.02) × the range of F, a uniform rule ``n_points`` (25).
    ``bootstrap_replicates`` resamples the pairs, ``split_halves`` cuts them in two, so many times.
    With ``shard`` (k, n) only the k-th (from 0) of n parts of the pairs is attributed;
    ``merge_shards`` adds what all n parts give to what the whole gives, to rounding.

    Raises ``UserError`` for no pairs, for an unknown name, for the key of another rule, and if one
    pair alone is too large for the memory.
    """
    if not pairs:
        raise UserError("attribute: no pairs were given; at least one is needed")
    if reranker.arithmetic("attribution") == "bfloat16":
        logger.warning(
            "bfloat16 changes a pair's scores by 5 to 15 %, and its rounding looks like bends to "
            "an adaptive grid: prefer dtype auto, or a uniform rule"
        )
    unused, value = ("n_points", n_points) if quadrature == "adaptive" else ("tolerance", tolerance)
    if value is not None:
        raise UserError(f"attribution.{unused}: {value} was found; {quadrature} does not use it")
    rule = {"quadrature": quadrature, "tolerance": tolerance, "n_points": n_points}
    given = {key: value for key, value in rule.items() if value is not None}
    settings = Settings(label, baseline, target, **given)
    running = RunningScores(len(reranker.neurons), bootstrap_replicates, seed, split_halves)
    result = Attribution(label, reranker.neurons.frame(), running)
    part = shard_range(len(pairs), *shard)
    with Progress(len(part), f"attribution ({label})") as progress:
        texts = pairs[part.start : part.stop]
        for check, scores in score_pairs(reranker, texts, settings) if texts else ():
            running.add(part.start + check.pair, scores)
            result.checked.append(check)
            progress.update()
    given_up = sum(check.is_given_up for check in result.checked)
    if given_up:
        logger.warning(
            "%d of %d pairs missed the tolerance of %g within %d points: see error_estimate of "
            "their attribution_checks",
            *(given_up, len(part), settings.tolerance, MAX_POINTS),
        )
    return result


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
        raise UserError("shards: none of them has a pair")
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
