"""Groups of pairs whose variants are made, and go through the ranker, together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from relevance_neurons.rankers.memory import Memory

PASSES = 16
"""About as many passes a group: variants of like length share one, few are ever in memory."""


def groups(sizes: Sequence[int], memory: Memory) -> Iterator[list[int]]:
    """Yield indices of pairs, largest first, of about ``PASSES`` passes, and at least one.

    ``sizes``: tokens of all variants of each pair.
    """
    group, filled = [], 0
    for index in sorted(range(len(sizes)), key=lambda one: (-sizes[one], one)):
        if group and filled + sizes[index] > PASSES * memory.batch_tokens:
            yield group
            group, filled = [], 0
        group.append(index)
        filled += sizes[index]
    if group:
        yield group
