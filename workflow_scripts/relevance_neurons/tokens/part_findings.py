"""What paper 004 finds of special tokens over the layers and of positions, beside a study's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.tokens.claims import verdict
from relevance_neurons.tokens.finding_rows import Row, finding
from relevance_neurons.tokens.query_sums import (
    EVERY,
    Replicated,
    Resampled,
    interval,
    known,
    mean_over_collections,
)
from relevance_neurons.tokens.study_methods import StudyMethods


class _Change(NamedTuple):
    """A difference in a collection, of shape (1,), and what it is a mean over."""

    of: Replicated
    n_pairs: int
    n_queries: int


def of_special_tokens(
    parts: Sequence[Resampled], study: StudyMethods, n_layers: int | None
) -> Iterator[Row]:
    """[CLS]'s scaled score at a later layer less that at an earlier one, of the first method.

    Layers at the same shares of the depth (``n_layers`` of the ranker; None: unknown) as the
    paper's 1, 7, 16 and 24 of 24. No row where one of both was not scored; no value where a ranker
    has so few that both are one.
    """
    if n_layers is None:
        return
    claims = (("cls_falls_early", 1, 7, False), ("cls_rises_late", 16, 24, True))
    for claim, *ends, above in claims:
        first, last = (max(0, round(end / 24 * n_layers) - 1) for end in ends)
        each = {}
        for one in parts:
            cells = [_cell(one, study.first, layer, "cls") for layer in (first, last)]
            if None not in cells:
                each[one.collection] = _of(one, cells[0], _change(one, *cells))
        yield from _changes(claim, each, last, above, study)


def of_positions(
    starts: Sequence[Resampled], layer: int | None, study: StudyMethods
) -> Iterator[Row]:
    """How often a token of the first 20 of a passage is important, less that of later ones."""
    each = {}
    for one in starts:
        cells = one.cells.with_row_index("cell")
        at = cells.filter(pl.col("layer").is_null() | (pl.col("layer") == layer))["cell"]
        if len(at):
            early, late = (one.ratio(f"important_{when}", when) for when in ("early", "late"))
            change = early[0][at] - late[0][at], (early[1] - late[1])[:, at]
            each[one.collection] = _of(one, at[0], change)
    yield from _changes("important_words_early", each, layer, True, study)


def _of(one: Resampled, cell: int, change: Replicated) -> _Change:
    return _Change(change, int(one.n_pairs[cell]), int(one.n_queries[cell]))


def _change(one: Resampled, first: int, last: int) -> Replicated:
    """What scaled is in cell ``last`` less what it is in ``first``; NaN if both are one."""
    value, replicated = one.ratio("scaled")
    if first == last:
        return np.full(1, np.nan), np.full((len(replicated), 1), np.nan)
    return (value[last] - value[first])[None], (replicated[:, last] - replicated[:, first])[:, None]


def _cell(one: Resampled, method: str, layer: int, part: str) -> int | None:
    cells = one.cells.with_row_index("cell").filter(method=method, layer=layer, part=part)
    return cells["cell"].item() if len(cells) else None


def _changes(
    claim: str, each: Mapping[str, _Change], layer: int | None, above: bool, study: StudyMethods
) -> Iterator[Row]:
    """A row a collection, and one of their mean where there are several."""
    found = dict(each)
    if len(each) > 1:
        mean = mean_over_collections([one.of for one in each.values()])
        counts = (sum(getattr(one, n) for one in each.values()) for n in ("n_pairs", "n_queries"))
        found[EVERY] = _Change(mean, *counts)
    for collection, ((value, replicated), n_pairs, n_queries) in found.items():
        ends = interval(replicated[:, 0])
        of = {"collection": collection, "layer": layer}
        of |= {"n_pairs": n_pairs, "n_queries": n_queries}
        holds = verdict(*ends, above=above)
        of_first = {"method": study.first, "paper": study.first_is_papers}
        yield finding(claim, of, known(value[0]), ends, holds, **of_first)
