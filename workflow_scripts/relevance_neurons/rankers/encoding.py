"""A tokenised pair, and which part of it each token belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import torch

QUERY, PASSAGE = 0, 1
"""The parts of a pair."""


@dataclass(frozen=True)
class EncodedPair:
    """One tokenised pair; all tensors of shape (n_tokens,)."""

    input_ids: torch.Tensor
    token_type_ids: torch.Tensor | None
    fields: torch.Tensor
    special: torch.Tensor

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
