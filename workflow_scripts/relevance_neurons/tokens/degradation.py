"""How the ranker's score falls as tokens are removed, the most or the least important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.tokens.label_values import label_of_each
from relevance_neurons.tokens.methods import REMOVALS
from relevance_neurons.tokens.removal import (
    check_removal,
    probabilities,
    say_what_masks,
    without,
)
from relevance_neurons.tokens.variants import groups

ORDERS = ("most", "least")
"""Which tokens go first: the most important, or the least."""

SCHEMA = {
    "pair": pl.Int32,
    "layer": pl.Int32,
    "removal": pl.String,
    "order": pl.String,
    "step": pl.Int32,
    "share": pl.Float64,
    "n_removed": pl.Int32,
    "p_label": pl.Float64,
}


def degrade(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    labels: str | Sequence[str],
    token_scores: pl.DataFrame,
    removals: Sequence[str] = REMOVALS,
    orders: Sequence[str] = ORDERS,
    steps: int = 9,
    memory: Memory | None = None,
) -> pl.DataFrame:
    """Probability of each pair's label as its tokens go, in ``steps`` steps.

    ``token_scores``: pair (a place in ``pairs``), layer, position and score, as the frame of
    ``attribute_tokens`` has them. A row per pair, layer, removal, order and step: share (of the
    tokens with special ones: step / steps), n_removed (that share, rounded; special tokens are
    never removed, so that it may stop before), p_label. Step 0 is the whole pair. Ties in score
    go by position. Jiang et al. 2021, section 4; there tokens are deleted, the most important
    first.

    Raises ``UserError`` for an unknown removal, order or label, for fewer than one step, and for
    scores that are not those of these pairs' tokens.
    """
    _check(removals, orders, steps)
    each = label_of_each(labels, len(pairs))
    if "mask" in removals:
        say_what_masks(reranker.tokenizer)
    encoded, own = _scored_pairs(reranker, pairs, token_scores)
    memory = memory or reranker.memory()
    curves = list(product(removals, orders))
    n_variants = len(curves) * (steps + 1)
    sizes = [len(encoded[row]) * n_variants * len(layers) for row, layers in own]
    rows: list[tuple] = []
    with Progress(len(own), "degradation") as progress:
        for group in groups(sizes, memory):
            planned = _Planned(reranker.tokenizer, steps)
            for row, layers in (own[place] for place in group):
                for (layer, scores), names in product(layers, curves):
                    planned.add(_Curve(row, layer, *names), encoded[row], each[row], scores)
            rows += planned.measured(reranker, memory)
            progress.update(len(group))
    return pl.DataFrame(sorted(rows, key=_place), schema=SCHEMA, orient="row")


def removed_positions(
    scores: np.ndarray, special: np.ndarray, order: str, steps: int
) -> Iterator[np.ndarray]:
    """Yield the positions that are gone at each step, from 0 (none) to ``steps``.

    ``scores`` and ``special`` (bool) have shape (n_tokens,).
    """
    sign = -1.0 if order == "most" else 1.0
    ranked = np.argsort(sign * scores, kind="stable")
    ranked = ranked[~special[ranked]]
    for step in range(steps + 1):
        yield ranked[: round(step / steps * len(scores))]


class _Curve(NamedTuple):
    pair: int
    layer: int | None
    removal: str
    order: str


class _Planned:
    """Steps of curves, and the variants of pairs that they need, each of them once."""

    def __init__(self, tokenizer, steps: int) -> None:
        self.tokenizer, self.n_steps = tokenizer, steps
        self.steps: list[tuple[tuple, int]] = []
        """What of a row of the table is known before, and the number of its variant."""
        self.variants: list[EncodedPair] = []
        self.labels: list[str] = []
        self.known: dict[tuple, int] = {}

    def add(self, curve: _Curve, pair: EncodedPair, label: str, scores: np.ndarray) -> None:
        """All steps of one curve."""
        gone = removed_positions(scores, pair.special.numpy(), curve.order, self.n_steps)
        for step, positions in enumerate(gone):
            removal = curve.removal if len(positions) else None  # the whole is one for all
            key = (curve.pair, removal, frozenset(positions.tolist()))
            if key not in self.known:
                self.known[key] = len(self.variants)
                self.variants.append(without(pair, positions, curve.removal, self.tokenizer))
                self.labels.append(label)
            step_of = (*curve, step, step / self.n_steps, len(positions))
            self.steps.append((step_of, self.known[key]))

    def measured(self, reranker: Reranker, memory: Memory) -> list[tuple]:
        """Rows of the table."""
        found = probabilities(reranker, self.variants, self.labels, memory)
        return [(*step, float(found[variant])) for step, variant in self.steps]


def _place(row: tuple) -> tuple:
    pair, layer, removal, order, step, *_ = row
    return pair, -1 if layer is None else layer, removal, ORDERS.index(order), step


def _check(removals: Sequence[str], orders: Sequence[str], steps: int) -> None:
    for removal in removals:
        check_removal(removal)
    unknown = next((order for order in orders if order not in ORDERS), None)
    if unknown is not None:
        raise UserError(f"orders: {unknown!r} was found; allowed: {', '.join(ORDERS)}")
    if steps < 1:
        raise UserError(f"steps: {steps} was found; at least 1 is needed")


def _scored_pairs(
    reranker: Reranker, pairs: Sequence[tuple[str, str]], token_scores: pl.DataFrame
) -> tuple[dict[int, EncodedPair], list[tuple[int, list[tuple[int | None, np.ndarray]]]]]:
    """The scored pairs, tokenised, by number; and of each the scores, (n_tokens,), by layer."""
    numbers = token_scores["pair"].unique().sort().to_list()
    unknown = next((number for number in numbers if number not in range(len(pairs))), None)
    if unknown is not None:
        raise UserError(
            f"token_scores: pair {unknown} was found in scores of {len(pairs)} pairs; give the "
            "pairs that they were made with, all of them"
        )
    encoded = dict(zip(numbers, reranker.encode([pairs[row] for row in numbers]), strict=True))
    ordered = token_scores.sort("pair", "layer", "position")
    own: dict[int, list] = {number: [] for number in numbers}
    for (pair, layer), rows in ordered.group_by("pair", "layer", maintain_order=True):
        if rows["position"].to_list() != list(range(len(encoded[pair]))):
            raise UserError(
                f"token_scores: pair {pair} has {len(rows)} tokens there and "
                f"{len(encoded[pair])} in this ranker; give the pairs and the ranker, with its "
                "max_length, that they were made with"
            )
        own[pair].append((layer, rows["score"].to_numpy()))
    return encoded, list(own.items())
