"""Targets about differences within a query: how its passages' scores are weighed together.

A target G is a function of the margins s of a query's passages (relevant logit less the other).
Its gradient at a neuron's output is Σ_i ∂G/∂s_i · ∂s_i/∂y, so the score of a neuron for the query
is Σ_i w_i · (its score for passage i under target margin) with w_i = ∂G/∂s_i at the ranking as it
is. margin_pair's weights are constant: its score is the mean of F's over the relevant passages
less that over the others, F the margin.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError

if TYPE_CHECKING:  # the weights need no torch
    from relevance_neurons.attribution.pair_scores import PairCheck
    from relevance_neurons.attribution.scorers import Scorer

logger = logging.getLogger(__name__)

CUTOFF = 10
"""Ranks that count in nDCG."""
GROUP_PAIRS = 256
"""Pairs of whole queries that are scored together, so that passes are full; their scores are held
until the weights of their query are known."""


@dataclass(frozen=True)
class Unit:
    """A query with passages of both labels: their ``rows`` among all pairs, and their gains."""

    rows: np.ndarray
    gains: np.ndarray


def find_units(judgments: pl.DataFrame, n_pairs: int) -> list[Unit]:
    """The queries with relevant (gain above 0) and non-relevant pairs, as they first appear.

    ``judgments``: query_id and gain, a row per pair. The others are counted and warned of.
    Raises ``UserError`` for another number of rows, a gain below 0 or missing, and if no query has
    both.
    """
    if missing := [name for name in ("query_id", "gain") if name not in judgments.columns]:
        raise UserError(f"judgments: no column {', '.join(missing)}; a row per pair is needed")
    if len(judgments) != n_pairs:
        raise UserError(
            f"judgments: {len(judgments)} rows were found; {n_pairs} pairs need as many"
        )
    if judgments["gain"].null_count() or not (judgments["gain"] >= 0).all():
        raise UserError("judgments: a gain is missing or below 0; give 0 to what is not relevant")
    groups = judgments.with_row_index("row").group_by("query_id", maintain_order=True)
    found = [
        Unit(group["row"].to_numpy(), group["gain"].cast(pl.Float64).to_numpy())
        for _, group in groups
    ]
    units = [one for one in found if one.gains.min() == 0 < one.gains.max()]
    if not units:
        raise UserError(
            f"judgments: none of {len(found)} queries has both relevant and non-relevant pairs; "
            "give some of both, or take another target"
        )
    if len(units) < len(found):
        # Way out: nothing need be done; with more pairs a query fewer are left out.
        logger.warning(
            "%d of %d queries have no relevant or no non-relevant pair and are left out",
            *(len(found) - len(units), len(found)),
        )
    return units


def unit_weights(target: str, margins: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """w_i = ∂G/∂s_i of a query's passages, shape (n,), from their margins and gains, of the same.

    margin_pair: G = mean s of the relevant passages (gain above 0) − mean s of the others.
    pairwise: G = mean over (relevant, other) of σ(s⁺ − s⁻). lambda: G = Σ |ΔnDCG@10(i, j)|
    σ(s_i − s_j) over pairs with gain_i > gain_j, where |ΔnDCG| is the change of nDCG by swapping
    the two in the ranking by s, held constant (LambdaRank, Burges 2010, with the bounded σ in
    place of log σ: the expected nDCG rather than a loss). nDCG is trec_eval's (linear gains,
    discount 1 / log2(rank + 1)), its ideal ranking that of these passages. Equal margins rank in
    the order given.
    """
    relevant = gains > 0
    if target == "margin_pair":
        return np.where(relevant, 1 / relevant.sum(), -1 / (~relevant).sum())
    if target == "pairwise":
        pairs = (relevant[:, None] & ~relevant) / (relevant.sum() * (~relevant).sum())
    elif target == "lambda":
        pairs = np.where(gains[:, None] > gains, swap_changes(margins, gains), 0.0)
    else:
        raise ValueError(target)
    slopes = pairs * _sigmoid_slope(margins[:, None] - margins)
    return slopes.sum(axis=1) - slopes.sum(axis=0)


def swap_changes(margins: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """|Change of nDCG@10| by swapping passages i and j in the ranking by margin, shape (n, n)."""
    ranks = np.empty(len(gains), dtype=int)
    ranks[np.argsort(-margins, kind="stable")] = np.arange(len(gains))
    discounts = _discounts(len(gains))
    ideal = (np.sort(gains)[::-1] * discounts).sum()
    own = discounts[ranks]
    return np.abs((gains[:, None] - gains) * (own[:, None] - own)) / ideal


def score_units(
    score: Scorer, pairs: Sequence[tuple[str, str]], units: Sequence[Unit], target: str
) -> Iterator[tuple[int, list[PairCheck], np.ndarray]]:
    """Yield the number of each of ``units``, its pairs' checks and its scores (n_neurons,).

    The scores have the shape that ``score`` gives them.
    ``score`` scores pairs under target margin; a check's pair is its row among ``pairs``.
    """
    for group in _groups(units):
        rows = np.concatenate([units[number].rows for number in group]).tolist()
        found = {}
        for check, scores in score([pairs[row] for row in rows]):
            row = rows[check.pair]
            found[row] = replace(check, pair=row), scores
        for number in group:
            unit = units[number]
            checks, scores = zip(*(found.pop(row) for row in unit.rows.tolist()), strict=True)
            margins = np.array([check.f_input for check in checks])
            weights = unit_weights(target, margins, unit.gains)
            weighted = (w * one for w, one in zip(weights, scores, strict=True))
            yield number, list(checks), sum(weighted, start=np.zeros(scores[0].shape))


def _groups(units: Sequence[Unit]) -> Iterator[list[int]]:
    """Numbers of neighbouring units with at most ``GROUP_PAIRS`` pairs, or one unit with more."""
    group, n_pairs = [], 0
    for number, unit in enumerate(units):
        if group and n_pairs + len(unit.rows) > GROUP_PAIRS:
            yield group
            group, n_pairs = [], 0
        group.append(number)
        n_pairs += len(unit.rows)
    if group:
        yield group


def _discounts(n_ranks: int) -> np.ndarray:
    return np.where(np.arange(n_ranks) < CUTOFF, 1 / np.log2(np.arange(n_ranks) + 2.0), 0.0)


def _sigmoid_slope(x: np.ndarray) -> np.ndarray:
    """σ′(x), without overflow."""
    small = np.exp(-np.abs(x))
    return small / (1 + small) ** 2
