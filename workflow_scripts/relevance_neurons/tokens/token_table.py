"""The tokens of pairs as a table: which word each is a piece of, and in which part it stands."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from relevance_neurons.rankers.encoding import PASSAGE, EncodedPair
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.tokenizing import token_texts

PARTS = ("cls", "query", "sep1", "passage", "sep2")
"""The parts of a pair, in their order. Special tokens are cls before the query, sep1 between query
and passage and sep2 after the passage, also those of MonoT5's template."""

SCHEMA = {
    "pair": pl.Int32,
    "position": pl.Int32,
    "token": pl.String,
    "word": pl.String,
    "word_number": pl.Int32,
    "part": pl.String,
}


def describe(reranker: Reranker, encoded: Sequence[EncodedPair]) -> pl.DataFrame:
    """A row per token: pair, position, token, word, word_number, part.

    ``pair`` is the place in ``encoded``, ``position`` counts from 0 with special tokens. ``word``
    is the text of the whole word that the token is a piece of (of what is left of it where the
    pair was cut), and of a special token the token. ``word_number`` is null for a special token.
    """
    known: dict[tuple[int, ...], str] = {}
    columns: dict[str, list] = {name: [] for name in SCHEMA}
    for number, pair in enumerate(encoded):
        tokens = token_texts(reranker.tokenizer, pair.input_ids)
        columns["pair"] += [number] * len(pair)
        columns["position"] += range(len(pair))
        columns["token"] += tokens
        columns["word"] += _words(reranker.tokenizer, pair, tokens, known)
        columns["word_number"] += pair.words
        columns["part"] += parts_of(pair)
    return pl.DataFrame(columns, schema=SCHEMA)


def parts_of(pair: EncodedPair) -> list[str]:
    """One of ``PARTS`` for each token. Where there is no query, sep1 is empty; see ``PARTS``."""
    fields, special = pair.fields.tolist(), pair.special.tolist()
    found, reached = [], 0
    for field, is_special in zip(fields, special, strict=True):
        if not is_special:
            reached = 3 if field == PASSAGE else 1
        after = (0, 2, None, 4)[reached]
        found.append(PARTS[after if is_special else reached])
    return found


def _words(
    tokenizer, pair: EncodedPair, tokens: Sequence[str], known: dict[tuple[int, ...], str]
) -> list[str]:
    """``known``: the texts of words that were decoded before, by their pieces."""
    pieces: dict[int, list[int]] = {}
    for word, token in zip(pair.words, pair.input_ids.tolist(), strict=True):
        if word is not None:
            pieces.setdefault(word, []).append(token)
    texts = {}
    for word, own in pieces.items():
        key = tuple(own)
        if key not in known:
            known[key] = tokenizer.decode(own, clean_up_tokenization_spaces=False).strip()
        texts[word] = known[key]
    return [
        token if word is None else texts[word]
        for word, token in zip(pair.words, tokens, strict=True)
    ]
