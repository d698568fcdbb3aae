"""How good a ranking stays when all its passages lose their least important tokens.

Jiang et al. 2021, appendix G and figure 9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.tokens.pair_scores import log_p_relevant
from relevance_neurons.tokens.rankings import measure_ranks, with_ranks
from relevance_neurons.tokens.removal import without
from relevance_neurons.tokens.removal_orders import FIELDS, removal_orders

KEPT_PERCENTS = tuple(range(100, 0, -10))
MEASURES = ("RR", "RR@10")


def truncated_rankings(
    reranker: Reranker,
    passages: pl.DataFrame,
    texts: Sequence[tuple[str, str]],
    token_scores: pl.DataFrame,
    qrels: pl.DataFrame,
) -> pl.DataFrame:
    """Measures of every query when kept_percent of the tokens of all its passages are left.

    ``passages``: rows of ``rank_passages`` that have token scores (the best of each query: only
    they are ranked again, so that a relevant passage below them counts as not found); ``texts``:
    (query, passage) of each; ``token_scores``: query_id, doc_id, position, part, score. The lowest
    scores go first, equal ones by position. kept_percent is a share of the tokens of ``fields``:
    special tokens, and under "passage" the query, always stay (``n_removed`` says how it is
    rounded).

    Returns fields (``FIELDS``), kept_percent (``KEPT_PERCENTS``), query_id, measure (``MEASURES``),
    value. Raises ``UserError`` as ``removal_orders``.
    """
    encoded = reranker.encode(texts)
    orders = removal_orders(passages, encoded, token_scores)
    places = passages.select("query_id", "doc_id", "bm25_rank")
    values = []
    n_rankings = len(FIELDS) * len(KEPT_PERCENTS)
    with Progress(len(encoded) * n_rankings, "ranking truncated passages") as progress:
        for fields, order in orders.items():
            for kept in KEPT_PERCENTS:
                pairs = list(_truncated(reranker, encoded, order, kept))
                scores = log_p_relevant(reranker, pairs, progress)
                ranked = with_ranks(places.with_columns(score=scores.astype(np.float64)))
                found = measure_ranks(ranked, qrels, MEASURES)
                names = pl.lit(fields).alias("fields"), pl.lit(kept, pl.Int32).alias("kept_percent")
                values.append(found.select(*names, pl.all()))
    return pl.concat(values)


def n_removed(n_tokens: int, kept_percent: int) -> int:
    """How many of ``n_tokens`` go where ``kept_percent`` stay: rounded, halves upwards."""
    return (2 * n_tokens * (100 - kept_percent) + 100) // 200


def _truncated(
    reranker: Reranker,
    encoded: Sequence[EncodedPair],
    orders: Sequence[Sequence[int]],
    kept_percent: int,
) -> Iterator[EncodedPair]:
    for pair, order in zip(encoded, orders, strict=True):
        n = n_removed(len(order), kept_percent)
        yield without(pair, order[:n], "deletion", reranker.tokenizer) if n else pair
