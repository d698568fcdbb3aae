"""The kinds of a pair's tokens, and the scores of every neuron kept apart by them.

A score of Neuron Integrated Gradients is a sum over the tokens of a pair, so the kinds' shares of
it add up to it. No torch is needed here: shards are merged without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from string import punctuation
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import NEURON_COLUMNS

if TYPE_CHECKING:
    from relevance_neurons.rankers.encoding import EncodedPair

TOKEN_KINDS = ("cls", "query", "match", "passage", "sep")
"""Special tokens before the query; query; passage words that are query words too; the other passage
words; all other special tokens."""
_PASSAGE = 1  # as rankers.encoding, which loads torch


def kinds_of_tokens(
    input_ids: Sequence[int],
    fields: Sequence[int],
    special: Sequence[bool],
    words: Sequence[int | None],
    decode: Callable[[list[int]], str],
) -> list[str]:
    """One of ``TOKEN_KINDS`` for each token of a pair.

    ``fields`` and ``special`` as in ``EncodedPair``; ``words``: the number of the word that a token
    is a piece of, None for special tokens. Words are equal where ``decode`` gives their pieces
    together the same text, punctuation at its ends aside (some tokenizers split at spaces alone).
    Unknown words, which a ranker cannot tell apart, are equal too. Without a query every special
    token before the passage is cls.
    """
    texts = texts_of_words(input_ids, words, decode)
    asked = {texts[word] for word, field in _with_word(words, fields) if field != _PASSAGE}
    first = next((place for place, one in enumerate(special) if not one), len(special))

    def kind(place: int) -> str:
        if special[place]:
            return "cls" if place < first else "sep"
        if fields[place] != _PASSAGE:
            return "query"
        return "match" if texts[words[place]] in asked else "passage"

    return [kind(place) for place in range(len(special))]


def texts_of_words(
    input_ids: Sequence[int], words: Sequence[int | None], decode: Callable[[list[int]], str]
) -> dict[int, str]:
    """Each word's number -> its text: its pieces together, punctuation at its ends left out.

    As for ``kinds_of_tokens``; a word that is nothing but punctuation stays as it is.
    """
    pieces: dict[int, list[int]] = {}
    for token, word in zip(input_ids, words, strict=True):
        if word is not None:
            pieces.setdefault(word, []).append(token)
    texts = {word: decode(ids).strip() for word, ids in pieces.items()}
    return {word: text.strip(punctuation) or text for word, text in texts.items()}


def kind_matrix(pair: EncodedPair, n_tokens: int, decode: Callable[[list[int]], str]) -> np.ndarray:
    """What sums by kind: 1 where a token is of a kind, else 0; shape (n_kinds, n_tokens).

    Tokens beyond the pair's own pad a batch and are of no kind.
    """
    columns = (pair.input_ids, pair.fields, pair.special)
    kinds = kinds_of_tokens(*(one.tolist() for one in columns), pair.words, decode)
    matrix = np.zeros((len(TOKEN_KINDS), n_tokens))
    matrix[[TOKEN_KINDS.index(kind) for kind in kinds], np.arange(len(kinds))] = 1.0
    return matrix


def kinds_frame(neurons: pl.DataFrame, totals: np.ndarray, n_pairs: int) -> pl.DataFrame:
    """A row per neuron and kind: layer, component, neuron, kind, score (mean), n_pairs.

    ``totals``: the sums over ``n_pairs`` pairs, shape (n_kinds, n_neurons).
    """
    kinds = pl.Series("kind", TOKEN_KINDS * len(neurons))
    rows = neurons.select(pl.all().repeat_by(len(TOKEN_KINDS)).explode())
    return rows.with_columns(
        kinds,
        score=pl.Series((totals / n_pairs).T.ravel()),
        n_pairs=pl.lit(n_pairs, dtype=pl.Int32),
    )


def merge_token_kinds(shards: Iterable[tuple[pl.DataFrame, int]]) -> pl.DataFrame:
    """``Attribution.token_kinds`` of all pairs, from each shard's ``kind_sums`` and n_pairs.

    Under a target within queries the number is that of a shard's queries. Raises ``UserError``
    where no shard has a pair, or the neurons differ.
    """
    neurons, totals, n_pairs = None, 0.0, 0
    for frame, n_own in shards:
        own = frame.select(NEURON_COLUMNS)
        if neurons is not None and not own.equals(neurons):
            raise UserError("shards: they hold different neurons; attribute all of them again")
        neurons, n_pairs = own, n_pairs + n_own
        totals = totals + frame.select(TOKEN_KINDS).to_numpy().T
    if not n_pairs:
        raise UserError("shards: none of them has a pair; at least one is needed")
    return kinds_frame(neurons, totals, n_pairs)


def _with_word(words: Sequence[int | None], fields: Sequence[int]) -> Iterable[tuple[int, int]]:
    return ((word, field) for word, field in zip(words, fields, strict=True) if word is not None)
