"""The tokens of queries and passages as the ranker reads them, in one table."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from relevance_neurons.rankers.encoding import PASSAGE, QUERY, EncodedPair
from relevance_neurons.rankers.reranker import Reranker

_CHUNK = 4096
"""Pairs that are held tokenised at a time."""

_SCHEMA = {name: pl.List(pl.String) for name in ("query_tokens", "passage_tokens")}


def passage_tokens(
    reranker: Reranker, pairs: pl.DataFrame, texts: Sequence[tuple[str, str]]
) -> pl.DataFrame:
    """The tokens of each row of ``pairs`` (query_id, doc_id), whose ``texts`` are (query, passage).

    Returns query_id, doc_id, query_tokens, passage_tokens: lists of the pieces of the ranker's
    vocabulary, in their order, without special tokens (those of MonoT5's template neither). What is
    cut off at ``max_length`` is not there.
    """
    chunks = [pl.DataFrame(schema=_SCHEMA)]
    for start in range(0, len(texts), _CHUNK):
        rows = [
            [_pieces(reranker.tokenizer, pair, part) for part in (QUERY, PASSAGE)]
            for pair in reranker.encode(texts[start : start + _CHUNK])
        ]
        chunks.append(pl.DataFrame(rows, schema=_SCHEMA, orient="row"))
    return pl.concat([pairs.select("query_id", "doc_id"), pl.concat(chunks)], how="horizontal")


def _pieces(tokenizer, pair: EncodedPair, part: int) -> list[str]:
    wanted = (pair.fields == part) & ~pair.special
    return tokenizer.convert_ids_to_tokens(pair.input_ids[wanted].tolist())
