"""Pairs of (query, passage) as a user gives them: a list, or a frame."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from relevance_neurons.errors import UserError
from relevance_neurons.running.frames import as_polars, is_frame

logger = logging.getLogger(__name__)

_NEEDED = "a list of (query, passage), two texts each, or a frame with query and passage is needed"


def as_pairs(given: object) -> list[tuple[str, str]]:
    """``given``, a list of pairs or a frame of polars or pandas, as a list of (query, passage).

    Raises ``UserError`` for anything else, and for the first pair that is not two texts.
    """
    if is_frame(given):
        frame = as_polars(given, "pairs", ("query", "passage"))
        given = frame.select("query", "passage").iter_rows()
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise UserError(f"pairs: a {type(given).__name__} was found; {_NEEDED}")
    pairs = list(given)
    for number, pair in enumerate(pairs):
        if not _is_pair(pair):
            shown = repr(pair)
            shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
            raise UserError(f"pairs: pairs[{number}] is {shown}; {_NEEDED}")
    return [(query, passage) for query, passage in pairs]


def warn_of_blanks(pairs: Sequence[tuple[str, str]]) -> None:
    """Say how many pairs lack one of their texts: what comes out is about the other alone."""
    if n := sum(not (query.strip() and passage.strip()) for query, passage in pairs):
        logger.warning(
            "pairs: %d of %d have an empty query or passage, and are scored by the other text "
            "alone; leave them out, as a study does",
            *(n, len(pairs)),
        )


def _is_pair(pair: object) -> bool:
    if not isinstance(pair, tuple | list):
        return False
    return len(pair) == 2 and all(isinstance(text, str) for text in pair)
