"""How many tokens the first passage of a ranking can lose before it is the second.

Jiang et al. 2021, section 4.3 and table 2.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import polars as pl

from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.tokens.pair_scores import log_p_relevant
from relevance_neurons.tokens.removal import without
from relevance_neurons.tokens.removal_orders import FIELDS, removal_orders

logger = logging.getLogger(__name__)

_BLOCK = 8
"""Removals of a passage that are tried at once: at most seven too many."""

_SCHEMA = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "fields": pl.String,
    "n_tokens": pl.Int32,
    "n_removed": pl.Int32,
    "removed_percent": pl.Float64,
    "falls": pl.Boolean,
}


def contested_tops(rankings: pl.DataFrame, token_scores: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id, second of the queries whose first passage is relevant and has a second.

    ``rankings``: as of ``rank_passages``; ``token_scores``: of (query_id, doc_id). The log counts
    first passages that are left out because they have no token scores.
    """
    place = pl.col("rank")
    second = rankings.filter(place == 2).select("query_id", second="doc_id")
    tops = rankings.filter((place == 1) & pl.col("is_relevant")).join(second, on="query_id")
    scored = tops.join(token_scores, on=["query_id", "doc_id"], how="semi")
    if missing := len(tops) - len(scored):
        logger.info("%d first passages have no token scores: they are not truncated", missing)
    return scored.select("query_id", "doc_id", "second").sort("query_id")


def truncate_tops(
    reranker: Reranker,
    tops: pl.DataFrame,
    texts: Sequence[tuple[str, str]],
    second_texts: Sequence[tuple[str, str]],
    token_scores: pl.DataFrame,
) -> pl.DataFrame:
    """How many tokens each of ``tops`` loses until its score drops below its query's second.

    ``tops``: ``contested_tops``; ``texts`` and ``second_texts``: (query, passage) of the first and
    of the second; ``token_scores``: query_id, doc_id, position, part, score. Tokens are deleted
    one by one, the lowest score first, equal ones by position; the second stays whole. Raises
    ``UserError`` as ``removal_orders``.

    Returns query_id, doc_id, fields (``FIELDS``), n_tokens (of the whole pair, special ones too),
    n_removed, removed_percent (of n_tokens in both fields: the paper's 8.9 tokens are 10.39 % and
    its 18.52 are 22.49 %, of some 83 both times), falls. The score need not sink steadily: the
    first removal after which it is the lower one counts. Where none is (``falls`` is false),
    n_removed is all there was to remove, and how many it would take is unknown.
    """
    encoded = reranker.encode(texts)
    orders = removal_orders(tops, encoded, token_scores)
    seconds = log_p_relevant(reranker, reranker.encode(second_texts))
    rows: list[tuple] = []
    with Progress(len(tops) * len(FIELDS), "truncating first passages", "passages") as progress:
        for fields, order in orders.items():
            falls = first_falls(reranker, encoded, order, seconds, progress)
            for pair, ids in enumerate(tops.select("query_id", "doc_id").iter_rows()):
                n_tokens, n_removed = len(encoded[pair]), falls[pair] or len(order[pair])
                percent, fell = 100 * n_removed / n_tokens, falls[pair] is not None
                rows.append((*ids, fields, n_tokens, n_removed, percent, fell))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("query_id", "fields")


def first_falls(
    reranker: Reranker,
    encoded: Sequence[EncodedPair],
    orders: Sequence[Sequence[int]],
    seconds: Sequence[float],
    progress: Progress,
) -> list[int | None]:
    """Of each pair, how many positions of its order are gone when log p is first below its second.

    None where it never is. A few removals of every pair that still stands are scored together, so
    that passes are full and little is computed beyond a fall.
    """
    found: list[int | None] = [None] * len(encoded)
    standing, start = list(range(len(encoded))), 0
    while standing:
        tries = list(_next_removals(standing, orders, start))
        shorter = [
            without(encoded[pair], orders[pair][:n], "deletion", reranker.tokenizer)
            for pair, n in tries
        ]
        scores = log_p_relevant(reranker, shorter)
        for (pair, n), score in zip(tries, scores, strict=True):
            if found[pair] is None and score < seconds[pair]:
                found[pair] = n
        start += _BLOCK
        left = [pair for pair in standing if found[pair] is None and len(orders[pair]) > start]
        progress.update(len(standing) - len(left))
        standing = left
    return found


def _next_removals(
    standing: Sequence[int], orders: Sequence[Sequence[int]], start: int
) -> Iterator[tuple[int, int]]:
    """Of each pair that stands, the next numbers of removals, from ``start`` + 1."""
    for pair in standing:
        for n in range(start + 1, min(start + _BLOCK, len(orders[pair])) + 1):
            yield pair, n
