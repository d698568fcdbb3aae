"""A tokenised pair, and which part of it each token belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

QUERY, PASSAGE = 0, 1
"""The parts of a pair."""


@dataclass(frozen=True)
class EncodedPair:
    """One tokenised pair; all tensors of shape (n_tokens,).

    ``words``: the number of the word that each token is a piece of, None for a special token; the
    query's words are numbered from 0, the passage's go on. ``is_cut``: something of the pair did
    not fit into ``max_length``.
    """

    input_ids: torch.Tensor
    token_type_ids: torch.Tensor | None
    fields: torch.Tensor
    special: torch.Tensor
    words: tuple[int | None, ...]
    is_cut: bool = False

    def __len__(self) -> int:
        return len(self.input_ids)


def fields_and_special(sequence_ids: list[int | None]) -> tuple[torch.Tensor, torch.Tensor]:
    """Part (query or passage) of each token, and which are special.

    A special token before the passage's first token belongs to the query's part, one after it to
    the passage's. An empty passage leaves everything to the query.
    """
    start = next((i for i, part in enumerate(sequence_ids) if part == PASSAGE), len(sequence_ids))
    fields = torch.full((len(sequence_ids),), QUERY)
    fields[start:] = PASSAGE
    return fields, torch.tensor([part is None for part in sequence_ids])


def number_words(
    sequence_ids: Sequence[int | None], word_ids: Sequence[int | None]
) -> tuple[int | None, ...]:
    """Number words from 0 as they come, those of both texts in one row; None for special tokens.

    ``word_ids``: the tokenizer's own numbers, which may begin anew in the second text.
    """
    numbers: dict[tuple[int, int | None], int] = {}
    return tuple(
        None if part is None else numbers.setdefault((part, word), len(numbers))
        for part, word in zip(sequence_ids, word_ids, strict=True)
    )
