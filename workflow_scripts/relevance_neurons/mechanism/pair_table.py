"""The table of diagnostic pairs: a row is a level of a pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from relevance_neurons.mechanism.perturbations import Version
from relevance_neurons.mechanism.token_classes import token_classes
from relevance_neurons.mechanism.token_lengths import TokenLengths, Unusable
from relevance_neurons.rankers.tokenizing import token_texts

Rows = list[dict[str, object]]
"""The levels of one pair."""

SCHEMA = {
    "collection": pl.String,
    "pair": pl.Int32,
    "perturbation": pl.String,
    "level": pl.Int32,
    "is_patched": pl.Boolean,
    "query_id": pl.String,
    "doc_id": pl.String,
    "query": pl.String,
    "term": pl.String,
    "injected": pl.String,
    "source": pl.String,
    "passage_before": pl.String,
    "passage_after": pl.String,
    "tokens_before": pl.List(pl.String),
    "tokens_after": pl.List(pl.String),
    "token_classes": pl.List(pl.String),
    "n_tokens": pl.Int32,
}
"""The columns of ``diagnostic_pairs`` in their order."""


def version_rows(
    query: str, versions: Sequence[Version], term_words: Iterable[str], lengths: TokenLengths
) -> Rows:
    """A row for each of ``versions``, the levels of one pair, with what the texts alone say.

    ``term_words``: as for ``token_classes``. Raises ``Unusable`` where the ranker reads before and
    after, at any level, as texts of different lengths, not whole, with tokens between them moved,
    or at the highest level as the same.
    """
    tokenizer, words = lengths.tokenizer, frozenset(term_words)
    texts = [(query, text) for one in versions for text in (one.before, one.after)]
    encoded = lengths.reranker.encode(texts)
    highest = max(one.level for one in versions)
    rows = []
    for one, before, after in zip(versions, encoded[::2], encoded[1::2], strict=True):
        if before.is_cut or after.is_cut or len(before) != len(after):
            raise Unusable("before and after of different lengths, or cut")
        n_changed = int((before.input_ids != after.input_ids).sum())
        if n_changed > one.n_changed:
            raise Unusable("tokens move where the tokenizer splits words otherwise")
        if one.level == highest and not n_changed:
            raise Unusable("before and after are the same to the ranker")
        rows.append(
            {
                "level": one.level,
                "is_patched": one.level == highest,
                "query": query,
                "passage_before": one.before,
                "passage_after": one.after,
                "tokens_before": token_texts(tokenizer, before.input_ids),
                "tokens_after": token_texts(tokenizer, after.input_ids),
                "token_classes": token_classes(before, after, words, tokenizer.decode),
                "n_tokens": len(after),
            }
        )
    return rows


def pair_frame(collection: str, pairs: Iterable[Rows]) -> pl.DataFrame:
    """The table of a collection from the rows of each of its pairs, which are numbered from 0."""
    rows = [
        {"collection": collection, "pair": number, **row}
        for number, own in enumerate(pairs)
        for row in own
    ]
    filled = [{name: row.get(name) for name in SCHEMA} for row in rows]
    return pl.DataFrame(filled, schema=SCHEMA, orient="row")
