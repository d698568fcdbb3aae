"""The mean score of every neuron over pairs, by one of the methods of ``methods.py``."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from relevance_neurons.attribution.adaptive import MAX_POINTS
from relevance_neurons.attribution.candidates import screened_candidates, values_of_neurons
from relevance_neurons.attribution.mean_scores import Attribution
from relevance_neurons.attribution.methods import (
    DIFFERENCE,
    WITHIN_QUERY,
    check_data,
    check_settings,
    settings_of,
)
from relevance_neurons.attribution.pair_scores import PairCheck, Settings
from relevance_neurons.attribution.running_scores import RunningScores
from relevance_neurons.attribution.scorers import Scorer, find_scorer
from relevance_neurons.attribution.token_kinds import TOKEN_KINDS
from relevance_neurons.attribution.within_query import find_units, score_units
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.pairs import as_pairs, warn_of_blanks
from relevance_neurons.rankers.reranker import LABELS, TARGETS, Reranker, check_reranker
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
    method: str = "neuron_integrated_gradients",
    reference: str = "zero",
    activations: pl.DataFrame | None = None,
    judgments: pl.DataFrame | None = None,
    screen: pl.DataFrame | None = None,
    screen_percent: float = 1.0,
    screen_sample: int = 100,
    token_kinds: bool = False,
) -> Attribution:
    """Mean score of every neuron over ``pairs`` of (query, passage), by ``method``.

    By default Neuron Integrated Gradients (Vast et al. 2024, equation 1): the path runs in
    word-embedding space from ``baseline`` (a name of ``BASELINES``) to the pair; F is the
    ``target`` of ``label``; a pair's score is summed over its tokens. ``quadrature`` is the rule of
    the integral: "adaptive" takes as many points of each pair as its estimated error needs to fall
    to ``tolerance`` (0.02) × the range of F, a uniform rule ``n_points`` (25). The other methods
    stand in files of their own name, and which settings each reads in ``methods.py``.
    ``reference`` is what a neuron gives while it counts as switched off: zero, or its mean of
    ``activations`` (as ``measure_activations`` gives them). "single_ablation" measures the top and
    bottom ``screen_percent`` % of ``screen`` (layer, component, neuron, score: another method's
    map) and a random ``screen_sample`` of the rest.

    Under a target within queries (margin_pair, pairwise, lambda: ``within_query.py``) the map's
    label is "difference" and queries take the place of pairs: of those with both labels in
    ``judgments`` (query_id, gain; a row per pair; gain 0: non-relevant).

    With ``token_kinds`` the scores of Neuron Integrated Gradients are kept by kind of token too.
    ``bootstrap_replicates`` resamples the pairs, ``split_halves`` cuts them in two, so many times.
    With ``shard`` (k, n) only the k-th (from 0) of n parts of the pairs (or queries) is attributed;
    ``merge_shards`` adds what all n parts give to what the whole gives, to rounding.

    Raises ``UserError`` for no pairs, for an unknown name, for a setting or the key of a rule that
    the method does not read, for a table that it lacks, and if one pair alone is too large for the
    memory.
    """
    settings: dict[str, Any] = {
        "baseline": baseline,
        "target": target,
        "quadrature": quadrature,
        "tolerance": tolerance,
        "n_points": n_points,
        "token_kinds": token_kinds,
        "reference": reference,
        "screen": screen,
        "screen_percent": screen_percent,
        "screen_sample": screen_sample,
    }
    check_reranker(reranker)
    pairs = as_pairs(pairs)
    warn_of_blanks(pairs)
    tables = {"activations": activations, "judgments": judgments, "screen": screen}
    _check(reranker, pairs, label, method, settings, tables)
    within = target in WITHIN_QUERY
    running = RunningScores(len(reranker.neurons), bootstrap_replicates, seed, split_halves)
    result = Attribution(DIFFERENCE if within else label, reranker.neurons.frame(), running)
    result.method = method
    if token_kinds:
        result.kind_totals = np.zeros((len(TOKEN_KINDS), len(reranker.neurons)))
    if method == "single_ablation":
        assert screen is not None  # _check refuses it
        of_screen = screen, screen_percent, screen_sample, seed
        result.measured = screened_candidates(result.neurons, *of_screen)
    read = {key: settings[key] for key in settings_of(method, quadrature)}
    given = _scorer_settings(read, activations, result)
    if within:
        given["target"] = "margin"
    score = find_scorer(reranker, method, "relevant" if within else label, given, seed)
    for number, checks, scores in _scored(score, pairs, result.label, target, judgments, shard):
        result.add(number, scores)
        result.checked += checks
    _warn_of_given_up(result.checked, given.get("tolerance", Settings.tolerance))
    return result


def _scored(
    score: Scorer,
    pairs: Sequence[tuple[str, str]],
    label: str,
    target: str,
    judgments: pl.DataFrame | None,
    shard: tuple[int, int],
) -> Iterator[tuple[int, list[PairCheck], np.ndarray]]:
    """Yield the number of each pair of the shard, or of each query, its checks and its scores."""
    if target in WITHIN_QUERY:
        assert judgments is not None  # _check refuses it
        units = find_units(judgments, len(pairs))
        part = shard_range(len(units), *shard)
        own = units[part.start : part.stop]
        n_pairs, found = sum(len(one.rows) for one in own), score_units(score, pairs, own, target)
    else:
        part = shard_range(len(pairs), *shard)
        n_pairs, found = len(part), _each(score, pairs, part)
    with Progress(n_pairs, f"attribution ({label})") as progress:
        for number, checks, scores in found:
            yield part.start + number, checks, scores
            progress.update(len(checks))


def _each(
    score: Scorer, pairs: Sequence[tuple[str, str]], part: range
) -> Iterator[tuple[int, list[PairCheck], np.ndarray]]:
    """As ``score_units``, each pair of ``part`` by itself."""
    texts = pairs[part.start : part.stop]
    for check, scores in score(texts) if texts else ():
        yield check.pair, [replace(check, pair=part.start + check.pair)], scores


def _scorer_settings(
    read: Mapping[str, object], activations: pl.DataFrame | None, result: Attribution
) -> dict[str, Any]:
    """What a method's own function takes, from the settings of ``attribute`` that it reads."""
    given = {key: value for key, value in read.items() if value is not None}
    if "reference" in given:
        given["reference_values"] = None
        if given.pop("reference") == "mean":
            assert activations is not None  # _check refuses it
            means = values_of_neurons(result.neurons, activations, "mean", "activations")
            given["reference_values"] = means
    if given.pop("screen", None) is not None:
        given = {key: value for key, value in given.items() if not key.startswith("screen_")}
        given["candidates"] = result.neurons.filter(pl.Series(result.measured))
    return given


def _check(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    label: str,
    method: str,
    settings: Mapping[str, Any],
    tables: Mapping[str, object | None],
) -> None:
    """Raise ``UserError`` for what no method can serve; warn of what is not exact."""
    if not pairs:
        raise UserError("attribute: no pairs were given; at least one is needed")
    check_settings(method, settings)
    target = settings["target"]
    if target not in (*TARGETS, *WITHIN_QUERY):
        raise UserError(
            f"attribution.target: {target!r} was found; allowed: "
            f"{', '.join((*TARGETS, *WITHIN_QUERY))}"
        )
    # A target within queries has one map: of relevant passages against others.
    labels = ("relevant", DIFFERENCE) if target in WITHIN_QUERY else LABELS
    if label not in labels:
        raise UserError(f"label: {label!r} was found; allowed: {', '.join(labels)}")
    check_data(method, target, settings["reference"], tables)
    if (
        "quadrature" in settings_of(method, settings["quadrature"])
        and reranker.arithmetic("attribution") == "bfloat16"
    ):
        logger.warning(
            "bfloat16 changes a pair's scores by 5 to 15 %, and its rounding looks like bends to "
            "an adaptive grid; prefer dtype auto, or a uniform rule"
        )


def _warn_of_given_up(checked: Sequence[PairCheck], tolerance: float) -> None:
    given_up = sum(check.is_given_up for check in checked)
    if given_up:
        logger.warning(
            "%d of %d pairs missed the tolerance of %g within %d points; see error_estimate of "
            "their attribution_checks",
            *(given_up, len(checked), tolerance, MAX_POINTS),
        )
