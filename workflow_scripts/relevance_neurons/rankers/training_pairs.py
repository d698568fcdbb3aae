"""What a ranker learns from: judged pairs, in batches that hold a query's passages together."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch

from relevance_neurons.errors import UserError

# Batches are cut from runs of this many after sorting by length: little padding, mixed enough.
_SORTED_BATCHES = 16

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collection:
    """A collection to learn from: frames of documents, queries and judgments.

    Its positives are the pairs whose grade is in ``relevant``, its negatives those whose grade
    is in ``non_relevant``.
    """

    documents: pl.DataFrame
    queries: pl.DataFrame
    qrels: pl.DataFrame
    relevant: Sequence[int] = (1,)
    non_relevant: Sequence[int] = (0,)


def training_pairs(collections: Sequence[Collection]) -> pl.DataFrame:
    """One row per positive: query, positive (texts), negatives (list of texts), in a fixed order.

    Positives of a query that has no judged negative are left out, with a line in the log.
    """
    frames = []
    for collection in collections:
        judged = collection.qrels.join(
            collection.documents.rename({"text": "passage"}), on="doc_id"
        ).join(collection.queries.rename({"text": "query"}), on="query_id")
        judged = judged.sort("query_id", "doc_id")
        negatives = (
            judged.filter(pl.col("grade").is_in(collection.non_relevant))
            .group_by("query_id", maintain_order=True)
            .agg(negatives="passage")
        )
        positives = judged.filter(pl.col("grade").is_in(collection.relevant))
        paired = positives.join(negatives, on="query_id", maintain_order="left")
        if lost := len(positives) - len(paired):
            # Way out: nothing need be done where enough are left; else judge more passages.
            logger.warning("%d positives have no judged negative: left out", lost)
        frames.append(paired.select("query", "negatives", positive="passage"))
    pairs = pl.concat(frames)
    if pairs.is_empty():
        raise UserError(
            "training: no query has a relevant and a non-relevant judged passage; take collections "
            "that were judged for both"
        )
    return pairs


@dataclass(frozen=True)
class Drawn:
    """An epoch's passages: those of each positive are its own one and ``n`` negatives.

    ``queries`` has one text a positive, ``passages`` (1 + n) lists of as many: the positives, then
    the first negative of each, then the second.
    """

    queries: list[str]
    passages: list[list[str]]


def draw_negatives(pairs: pl.DataFrame, n: int, random: np.random.Generator) -> Drawn:
    """``n`` of each positive's negatives, twice the same only where there are fewer than ``n``."""
    drawn = [_drawn(texts, n, random) for texts in pairs["negatives"].to_list()]
    return Drawn(
        pairs["query"].to_list(),
        [pairs["positive"].to_list(), *map(list, zip(*drawn, strict=True))],
    )


def _drawn(texts: list[str], n: int, random: np.random.Generator) -> list[str]:
    if n == 1:
        return [texts[random.integers(len(texts))]]
    return [texts[i] for i in random.choice(len(texts), n, replace=len(texts) < n)]


def token_batches(
    tokenizer, drawn: Drawn, max_length: int, batch_size: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, dict[str, torch.Tensor]]]:
    """Yield the numbers of some positives, shape (m,), and their pairs as padded tokens.

    The pairs, at most ``batch_size`` of them, are rows in the order of ``Drawn.passages``: m
    positives, their m first negatives, … All passages of a query are in one batch, so that they can
    be compared.
    """
    n_passages, n = len(drawn.passages), len(drawn.queries)
    encoded = tokenizer(
        drawn.queries * n_passages,
        [text for texts in drawn.passages for text in texts],
        truncation="longest_first",
        max_length=max_length,
    )
    lengths = np.array([len(ids) for ids in encoded["input_ids"]]).reshape(n_passages, n).max(0)
    for positives in like_lengths(lengths, max(1, batch_size // n_passages), random):
        rows = [row for first in range(0, n_passages * n, n) for row in first + positives]
        picked = {name: [values[row] for row in rows] for name, values in encoded.items()}
        yield positives, tokenizer.pad(picked, return_tensors="pt")


def like_lengths(
    lengths: np.ndarray, batch_size: int, random: np.random.Generator
) -> list[np.ndarray]:
    """All rows once, in batches sorted by length within random runs; the batches shuffled."""
    order = random.permutation(len(lengths))
    runs = [
        run[np.argsort(lengths[run], kind="stable")]
        for run in np.split(order, range(0, len(order), batch_size * _SORTED_BATCHES)[1:])
    ]
    batches = [rows for run in runs for rows in np.split(run, range(0, len(run), batch_size)[1:])]
    return [batches[i] for i in random.permutation(len(batches))]
