"""A map of scores beside the same with half of every step along the paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.statistics.map_agreement import relative_difference

CHUNK = 32
"""Pairs whose scores are kept at once: each takes 8 bytes a neuron, twice."""


def double_points(
    reranker: Reranker, pairs: Sequence[tuple[str, str]], settings: Settings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Attribute ``pairs`` with ``settings`` and again with every step of the path cut in two.

    A uniform rule's n points become 2n − 1; of the adaptive rule every accepted panel is halved.
    Returns a row per neuron: layer, component, neuron, score and doubled_score (means over the
    pairs), and a row per pair, in the order given: n_points, n_points_doubled and
    relative_difference (L2 norm of the difference through that of the scores with more points).
    """
    both = (settings, replace(settings, halved=True))
    totals = np.zeros((2, len(reranker.neurons)))
    rows: list[tuple[int, int, float]] = []
    with Progress(len(pairs), f"convergence ({settings.label})") as progress:
        for start in range(0, len(pairs), CHUNK):
            chunk = pairs[start : start + CHUNK]
            (scores, points), (doubled, more) = (_scores(reranker, chunk, one) for one in both)
            totals += scores.sum(axis=0), doubled.sum(axis=0)
            differences = map(relative_difference, scores, doubled)
            rows += zip(points, more, differences, strict=True)
            progress.update(len(chunk))
    score, doubled_score = totals / len(pairs)
    neurons = reranker.neurons.frame().with_columns(
        score=pl.Series(score), doubled_score=pl.Series(doubled_score)
    )
    kinds = {"n_points": pl.Int32, "n_points_doubled": pl.Int32, "relative_difference": pl.Float64}
    return neurons, pl.DataFrame(rows, schema=kinds, orient="row")


def _scores(
    reranker: Reranker, pairs: Sequence[tuple[str, str]], settings: Settings
) -> tuple[np.ndarray, list[int]]:
    """Scores of the pairs in their order, shape (n_pairs, n_neurons), and their points."""
    scores, points = np.empty((len(pairs), len(reranker.neurons))), [0] * len(pairs)
    for check, found in score_pairs(reranker, pairs, settings):
        scores[check.pair], points[check.pair] = found, check.n_points
    return scores, points
