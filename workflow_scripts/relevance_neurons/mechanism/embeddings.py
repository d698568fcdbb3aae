"""A ranker's own word embeddings: the matrix, the words in it, and moving a word's rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from relevance_neurons.collections.words import split_words
from relevance_neurons.errors import UserError

if TYPE_CHECKING:
    from relevance_neurons.rankers.reranker import Reranker


def word_embeddings(reranker: Reranker) -> np.ndarray:
    """The raw word-embedding matrix, float32, shape (vocabulary, width).

    Of ALBERT and ELECTRA the width is that of the embeddings, which may be smaller than the
    encoder's. Rows may outnumber the tokenizer's entries: some matrices are padded.
    """
    weights = reranker.model.get_input_embeddings().weight
    return weights.detach().to("cpu", torch.float32).numpy()


def whole_words(tokenizer) -> pl.DataFrame:
    """token_id, word: the entries of the vocabulary that are whole words, by token_id.

    An entry is one if its text, alone and after a blank, gives exactly this token, and is one word
    as ``split_words`` counts words. ``word`` is its normal form (lower case); where several entries
    have the same (The, the), the one that is written so stands for all, else the first of them.
    """
    entries = _one_word_entries(tokenizer)
    pieces = pl.Series(_pieces(tokenizer, entries["text"].to_list()), dtype=pl.List(pl.Int64))
    own = entries.filter((pieces.list.len() == 1) & (pieces.list.first() == entries["token_id"]))
    return (
        own.sort("word", pl.col("text") != pl.col("word"), "token_id")
        .unique("word", keep="first", maintain_order=True)
        .sort("token_id")
        .select("token_id", "word")
    )


def word_vectors(reranker: Reranker, words: Sequence[str]) -> np.ndarray:
    """Mean of the embedding rows of each word's pieces, float32, shape (n_words, width).

    Words are tokenised as within a text, after a blank. A row of NaN where a word has no token
    (some tokenizers drop characters that they do not know).
    """
    matrix = word_embeddings(reranker)
    vectors = np.full((len(words), matrix.shape[1]), np.nan, dtype=np.float32)
    for row, pieces in enumerate(_pieces(reranker.tokenizer, words)):
        if pieces:
            vectors[row] = matrix[pieces].mean(axis=0)
    return vectors


@contextmanager
def edited_embeddings(reranker: Reranker, deltas: np.ndarray | torch.Tensor) -> Iterator[None]:
    """Within the block, passes of the model run with ``deltas`` added to their word embeddings.

    ``deltas``: shape (n_rows, n_tokens, width of the embeddings), as the batch is padded; each row
    is moved by its own. What the model adds to them (positions, types) and its norm come after. Of
    an encoder-decoder it is the encoder's embeddings. Raises ``UserError`` in a pass over a batch
    of another shape.
    """
    table = reranker.model.get_input_embeddings()
    moved = torch.as_tensor(deltas).to(table.weight.device, table.weight.dtype)

    def move(_table, _inputs, found: torch.Tensor) -> torch.Tensor:
        if found.shape != moved.shape:
            raise UserError(
                f"deltas: shape {tuple(moved.shape)} was found; give {tuple(found.shape)}, that of "
                "the batch's embeddings"
            )
        return found + moved

    # No tap, which counts calls in passes of the model itself: our encoder looks words up here too.
    hook = table.register_forward_hook(move)
    try:
        yield
    finally:
        hook.remove()


def _one_word_entries(tokenizer) -> pl.DataFrame:
    """token_id, text, word: entries whose text is a word and nothing else, pieces of words too."""
    special = set(tokenizer.all_special_ids)
    ids = [one for one in range(len(tokenizer)) if one not in special]
    texts = tokenizer.batch_decode([[one] for one in ids], clean_up_tokenization_spaces=False)
    entries = pl.DataFrame(
        {"token_id": ids, "text": texts}, {"token_id": pl.Int64, "text": pl.String}
    )
    text = pl.col("text")
    entries = entries.with_columns(text.str.strip_chars())
    words = split_words(entries["text"])
    entries = entries.with_columns(word=words.list.first())
    lower = text.str.normalize("NFKC").str.to_lowercase()
    return entries.filter((words.list.len() == 1) & (lower == pl.col("word")))


def _pieces(tokenizer, words: Sequence[str]) -> list[list[int]]:
    """The tokens of each word, as after a blank in a text."""
    if not len(words):
        return []
    texts = [f" {word}" for word in words]
    return tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
