"""Whether it matters to a ranker in which order a passage's sentences come.

Jiang et al. 2021, section 4.4 and table 3.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from relevance_neurons.collections.sentences import split_sentences
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.tokens.pair_scores import log_p_relevant
from relevance_neurons.tokens.rankings import measure_ranks, with_ranks

logger = logging.getLogger(__name__)

ORDERS = ("original", "swapped", "shuffled", "reversed")
MEASURES = ("P@1", "RR", "RR@10", "R@3", "R@50", "R@1000")
ALWAYS = ("P@1", "RR", "RR@10", "R@3")
"""Those that stay however few passages a query has."""
PROBABILITY = "p_relevant"
"""The mean over a query's relevant passages of p(relevant), beside the measures."""

_CHUNK = 1024
"""Passages whose texts are reordered and scored at a time."""


def reordered(sentences: Sequence[str], order: str, seed: int = 0) -> list[str]:
    """``sentences`` in another ``order``; within them nothing changes.

    original: as they are. swapped: the first two change places. shuffled: in random order, that of
    ``seed`` and the sentences themselves, whatever other passages there are (it may be the
    original one). reversed: the last comes first.
    """
    if order == "swapped":
        return [*sentences[1::-1], *sentences[2:]]
    if order == "shuffled":
        rng = np.random.default_rng([seed, zlib.crc32(" ".join(sentences).encode())])
        return [sentences[place] for place in rng.permutation(len(sentences))]
    return list(sentences[::-1] if order == "reversed" else sentences)


def score_orders(
    reranker: Reranker,
    rankings: pl.DataFrame,
    texts: Sequence[tuple[str, str]],
    language: str = "english",
    seed: int = 0,
) -> pl.DataFrame:
    """log p(relevant) of every passage of ``rankings`` with its sentences in each of ``ORDERS``.

    ``rankings``: as of ``rank_passages``; ``texts``: (query, passage) of each of its rows. Returns
    a column for each order, rows as in ``rankings``. Where an order leaves the text as it is, as
    "original" always does, the score is the one that ``rankings`` has; the log counts passages that
    every order leaves so, most of one sentence.

    Sentences are put together with one blank. The original may have none between two ("War.In",
    in every tenth MS MARCO passage), which is nothing to WordPiece; pieces of bytes or of
    SentencePiece tell a word after a blank from one without.
    """
    scores = {order: rankings["score"].to_numpy().copy() for order in ORDERS}
    n_unchanged = 0
    with Progress(len(texts), "re-ranking reordered passages", "passages") as progress:
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            changed = list(_changed(chunk, language, seed))
            distinct = list(dict.fromkeys(pair for _, _, pair in changed))
            found = dict(
                zip(distinct, log_p_relevant(reranker, reranker.encode(distinct)), strict=True)
            )
            for row, order, pair in changed:
                scores[order][start + row] = found[pair]
            n_unchanged += len(chunk) - len({row for row, _, _ in changed})
            progress.update(len(chunk))
    logger.info("%d of %d passages are the same in every order", n_unchanged, len(texts))
    return pl.DataFrame(scores)


def measure_orders(
    rankings: pl.DataFrame, scores: pl.DataFrame, qrels: pl.DataFrame
) -> pl.DataFrame:
    """``measures_of`` and ``PROBABILITY`` of every query of ``rankings`` in each order.

    ``scores``: of ``score_orders``. Returns order, query_id, measure, value; the probability is
    there for queries with a relevant passage among those that were found, the measures of all.
    """
    values, measures = [], measures_of(rankings)
    for order in ORDERS:
        scored = rankings.with_columns(scores[order].alias("score"))
        relevant = scored.filter(pl.col("is_relevant")).group_by("query_id", maintain_order=True)
        p = relevant.agg(pl.lit(PROBABILITY).alias("measure"), value=pl.col("score").exp().mean())
        values += [
            frame.select(pl.lit(order).alias("order"), "query_id", "measure", "value")
            for frame in (measure_ranks(with_ranks(scored), qrels, measures), p)
        ]
    return pl.concat(values)


def measures_of(rankings: pl.DataFrame) -> list[str]:
    """Those of ``MEASURES`` whose cutoff some query of ``rankings`` reaches, and ``ALWAYS``.

    Of 100 passages R@1000 is R@100: no order changes it, and it is not the paper's.
    """
    depth = rankings.group_by("query_id").len()["len"].max() or 0
    return [one for one in MEASURES if one in ALWAYS or int(one.partition("@")[2]) <= depth]


def _changed(
    texts: Sequence[tuple[str, str]], language: str, seed: int
) -> Iterator[tuple[int, str, tuple[str, str]]]:
    """Row, order and (query, reordered passage), where that is not the passage as it was."""
    for row, (query, passage) in enumerate(texts):
        sentences = split_sentences(passage, language)
        for order in ORDERS[1:] if len(sentences) > 1 else ():
            text = " ".join(reordered(sentences, order, seed))
            if text != passage:
                yield row, order, (query, text)
