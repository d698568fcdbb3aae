"""Mean Neuron Integrated Gradients over pairs (Vast et al. 2024, equation 1)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from relevance_neurons.adaptive import MAX_POINTS
from relevance_neurons.errors import UserError
from relevance_neurons.pair_scores import PairCheck, Settings, score_pairs
from relevance_neurons.progress import Progress
from relevance_neurons.reranker import Reranker
from relevance_neurons.running_scores import RunningScores

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
    def _lists(means: np.ndarray) -> pl.Series:
        """A list per neuron of ``means``, shape (n_entries, n_neurons)."""
        scores = np.ascontiguousarray(means.astype(np.float32).T)
        return pl.Series(scores, dtype=pl.Array(pl.Float32, len(means))).arr.to_list()


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
) -> Attribution:
    """Mean Neuron Integrated Gradients of every neuron over ``pairs`` of (query, passage).

    The path runs in word-embedding space from ``baseline`` (a name of ``BASELINES``) to the pair;
    F is the ``target`` of ``label``; a pair's score is summed over its tokens. ``quadrature`` is
    the rule of the integral: "adaptive" takes as many points of each pair as its estimated error
    needs to fall to ``tolerance`` (0.02) × the range of F, a uniform rule ``n_points`` (25).
    ``bootstrap_replicates`` resamples the pairs, ``split_halves`` cuts them in two, so many times.

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
    with Progress(len(pairs), f"attribution ({label})") as progress:
        for check, scores in score_pairs(reranker, pairs, settings):
            running.add(check.pair, scores)
            result.checked.append(check)
            progress.update()
    given_up = sum(check.is_given_up for check in result.checked)
    if given_up:
        logger.warning(
            "%d of %d pairs missed the tolerance of %g within %d points: see error_estimate of "
            "their attribution_checks",
            *(given_up, len(pairs), settings.tolerance, MAX_POINTS),
        )
    return result
