"""Heads that somebody names, checked against how many a ranker has; without loading one."""

from __future__ import annotations

from collections.abc import Sequence

from relevance_neurons.errors import UserError


def check_heads(
    heads: Sequence[Sequence[int]], n_layers: int, n_heads: int, key: str
) -> list[tuple[int, int]]:
    """``heads`` (layer, head) of a study's ``key``, each once and in order.

    Raises ``UserError`` for one that the ranker does not have.
    """
    for layer, head in heads:
        if not (0 <= layer < n_layers and 0 <= head < n_heads):
            raise UserError(
                f"{key}: [{layer}, {head}] was found; this ranker has layers 0 to {n_layers - 1} "
                f"with heads 0 to {n_heads - 1}; name some of these"
            )
    return sorted({(layer, head) for layer, head in heads})
