"""Mean Neuron Integrated Gradients over pairs (Vast et al. 2024, equation 1)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from relevance_neurons.attribution.adaptive import MAX_POINTS
from relevance_neurons.attribution.mean_scores import Attribution
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.attribution.running_scores import RunningScores
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.running.shards import shard_range

logger = logging.getLogger(__name__)


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
            "an adaptive grid; prefer dtype auto, or a uniform rule"
        )
    unused, value = ("n_points", n_points) if quadrature == "adaptive" else ("tolerance", tolerance)
    if value is not None:
        raise UserError(
            f"attribution.{unused}: {value} was found; {quadrature} does not use it: take it out"
        )
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
            "%d of %d pairs missed the tolerance of %g within %d points; see error_estimate of "
            "their attribution_checks",
            *(given_up, len(part), settings.tolerance, MAX_POINTS),
        )
    return result
