"""In which order the tokens of a pair are removed: the least important first."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.encoding import EncodedPair

FIELDS = {"both": ["query", "passage"], "passage": ["passage"]}
"""What is removed: tokens of query and passage, or of the passage alone; never special ones."""


def removal_orders(
    pairs: pl.DataFrame, encoded: Sequence[EncodedPair], token_scores: pl.DataFrame
) -> dict[str, list[list[int]]]:
    """For each of ``FIELDS`` the positions of each pair's tokens, the least important first.

    ``pairs``: query_id, doc_id; ``encoded``: the same, tokenised; ``token_scores``: query_id,
    doc_id, position, part, score of every token of them. Equal scores go by position. Raises
    ``UserError`` for a pair whose scores are not of the tokens that the ranker reads.
    """
    lists = token_scores.group_by("query_id", "doc_id").agg(
        pl.len().alias("n_tokens"),
        *(
            pl.col("position")
            .sort_by("score", "position")
            .filter(pl.col("part").sort_by("score", "position").is_in(parts))
            .alias(fields)
            for fields, parts in FIELDS.items()
        ),
    )
    found = pairs.select("query_id", "doc_id").join(
        lists, on=["query_id", "doc_id"], how="left", maintain_order="left"
    )
    for (query_id, doc_id, n_tokens, *_), pair in zip(found.iter_rows(), encoded, strict=True):
        if n_tokens != len(pair):
            raise UserError(
                f"token scores of query {query_id!r} and document {doc_id!r}: of {n_tokens or 0} "
                f"tokens, where the ranker reads {len(pair)}; attribute the pair with this ranker "
                "and its max_length, by one method at one layer"
            )
    return {fields: found[fields].to_list() for fields in FIELDS}
