"""The score of every token of pairs, by one of the methods of ``methods.py``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.encoding import PASSAGE, EncodedPair
from relevance_neurons.rankers.pairs import as_pairs
from relevance_neurons.rankers.reranker import Reranker, check_reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.running.shards import shard_range
from relevance_neurons.tokens.label_values import label_of_each
from relevance_neurons.tokens.layers import find_layers, needed_statistics
from relevance_neurons.tokens.methods import LAYERED, check_settings, settings_of
from relevance_neurons.tokens.scorers import find_scorer
from relevance_neurons.tokens.token_attribution import Scored, TokenAttribution
from relevance_neurons.tokens.token_table import describe

__all__ = ["TokenAttribution", "attribute_tokens"]

logger = logging.getLogger(__name__)


def attribute_tokens(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    labels: str | Sequence[str] = "relevant",
    method: str = "information_bottleneck",
    layer: int | Sequence[int] | None = None,
    statistics: pl.DataFrame | None = None,
    seed: int = 0,
    shard: tuple[int, int] = (0, 1),
    **settings: object,
) -> TokenAttribution:
    """Score every token of ``pairs`` of (query, passage) by ``method``.

    ``labels``: relevant or non_relevant, one for all pairs or one for each: what is explained is
    the ranker's probability of it. "information_bottleneck" (Jiang et al. 2021) scores the tokens
    at the output of an encoder layer, in nats: of one ``layer`` (from 0), of several, or, by
    default, of all; the other methods score them at the input. ``statistics`` are those of
    ``measure_statistics``; without them they are measured over ``pairs``. ``settings``: what the
    method reads, with its defaults in ``methods.py``; each stands in a file of its own name.

    With ``shard`` (k, n) only the k-th (from 0) of n parts of the pairs is scored, with the numbers
    that its pairs have in the whole list and the scores that they have there.

    A pair whose passage has no token, or none left at max_length, is left out, which the log says.
    Raises ``UserError`` for no pairs; for an unknown method, label or removal; for labels of the
    wrong number; for a setting, or a layer, that the method does not read; for a layer that the
    ranker or the statistics lack; and if one pair alone is too large for the memory.
    """
    check_reranker(reranker)
    pairs = as_pairs(pairs)
    if not pairs:
        raise UserError("attribute_tokens: no pairs were given; at least one is needed")
    check_settings(method, settings)
    each = label_of_each(labels, len(pairs))
    layers = find_layers(reranker, method, layer)
    if method in LAYERED and not settings.get("legacy"):
        statistics = needed_statistics(reranker, pairs, each, layers, statistics)
    if "seed" in settings_of(method):
        settings = {"seed": seed, **settings}
    part = shard_range(len(pairs), *shard)
    encoded = dict(zip(part, reranker.encode(pairs[part.start : part.stop]), strict=True))
    rows = _with_passage(encoded)
    score = find_scorer(reranker, method, layers, statistics, settings)
    found = []
    with Progress(len(rows), f"tokens ({method})") as progress:
        for at, check, scores in score([pairs[row] for row in rows], [each[row] for row in rows]):
            row = rows[check.pair]
            found.append(Scored(at, replace(check, pair=row, is_cut=encoded[row].is_cut), scores))
            progress.update(at is None or at == layers[-1])
    table = describe(reranker, [encoded[row] for row in rows])
    numbers = pl.Series(rows, dtype=pl.Int32)
    return TokenAttribution(
        table.with_columns(numbers[table["pair"]].alias("pair")),
        {row: each[row] for row in rows},
        found,
    )


def _with_passage(encoded: dict[int, EncodedPair]) -> list[int]:
    """Numbers of the pairs with a token of a passage; the log counts the others, and cut ones."""
    rows = [row for row, pair in encoded.items() if _has_passage(pair)]
    if len(rows) < len(encoded):
        # Way out: raise reranker.max_length, or take empty passages out of the pairs.
        logger.warning(
            "left out %d of %d pairs, of whose passage no token is left: it is empty, or the query "
            "fills max_length",
            *(len(encoded) - len(rows), len(encoded)),
        )
    n_cut = sum(encoded[row].is_cut for row in rows)
    if n_cut:
        logger.info("%d of %d pairs are cut at max_length", n_cut, len(rows))
    return rows


def _has_passage(pair: EncodedPair) -> bool:
    return bool(((pair.fields == PASSAGE) & ~pair.special).any())
