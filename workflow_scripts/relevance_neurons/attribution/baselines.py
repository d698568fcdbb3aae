"""Baseline inputs x': what the path of Neuron Integrated Gradients starts from (Table 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.encoding import PASSAGE, QUERY


@dataclass(frozen=True)
class Baseline:
    """Which tokens of a pair are replaced, and by what.

    ``filler`` is "pad" or "unk" (that token's word embedding) or "zero" (the zero vector).
    ``fields`` are the parts replaced; a special token belongs to the part that it begins or ends
    ([CLS] query [SEP] | passage [SEP]) and is replaced with it unless ``keep_special``.
    """

    filler: str
    fields: tuple[str, ...] = ("query", "passage")
    keep_special: bool = False


BASELINES = {
    "pad_all": Baseline("pad"),
    "pad_keep_special": Baseline("pad", keep_special=True),
    "pad_passage": Baseline("pad", ("passage",), keep_special=True),
    "pad_passage_and_special": Baseline("pad", ("passage",)),
    "pad_query": Baseline("pad", ("query",), keep_special=True),
    "pad_query_and_special": Baseline("pad", ("query",)),
    "unk_all": Baseline("unk"),
    "unk_keep_special": Baseline("unk", keep_special=True),
    "zero": Baseline("zero"),
    "zero_passage": Baseline("zero", ("passage",), keep_special=True),
}
"""The baselines that Table 1 of the paper compares, by their name in the study file."""


def find_baseline(name: str) -> Baseline:
    """The baseline of that name. Raises ``UserError`` for an unknown one."""
    try:
        return BASELINES[name]
    except KeyError:
        raise UserError(
            f"attribution.baseline: {name!r} was found; allowed: {', '.join(BASELINES)}"
        ) from None


def replaced_tokens(
    baseline: Baseline, fields: torch.Tensor, special: torch.Tensor
) -> torch.Tensor:
    """Which tokens the baseline replaces: bool, shape (n_tokens,).

    ``fields`` holds 0 for a token of the query and 1 for one of the passage (special tokens
    included), ``special`` marks the special ones; both of shape (n_tokens,).
    """
    wanted = torch.zeros_like(fields, dtype=torch.bool)
    if "query" in baseline.fields:
        wanted |= fields == QUERY
    if "passage" in baseline.fields:
        wanted |= fields == PASSAGE
    return wanted & ~special if baseline.keep_special else wanted


def baseline_embeddings(
    baseline: Baseline,
    embeddings: torch.Tensor,
    fields: torch.Tensor,
    special: torch.Tensor,
    fillers: dict[str, torch.Tensor],
) -> torch.Tensor:
    """The baseline's word embeddings x', shape (n_tokens, width), as ``embeddings`` (the input's).

    ``fillers`` maps "pad", "unk" and "zero" to a vector of shape (width,).
    """
    replaced = replaced_tokens(baseline, fields, special)
    return torch.where(replaced[:, None], fillers[baseline.filler], embeddings)
