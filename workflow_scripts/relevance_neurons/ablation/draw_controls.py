"""A scheme beside its controls: random neurons, each draw a set of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from relevance_neurons.selection import ablation_kinds as kinds
from relevance_neurons.statistics import paired_tests as tests

Means = Callable[[tuple[str, float]], np.ndarray | None]
"""The mean measure of each draw of a cell, shape (draws,); None for one that was not measured."""


def against_draws(means: Means, scheme: str, top_percent: float) -> dict[str, float | None]:
    """p_value_random, p_value_random_t and those of matched draws, of a scheme's own ablation.

    Nothing for the other kinds, and nothing of a control that was not measured.
    """
    if kinds.parted(scheme)[0] != kinds.PLAIN:
        return {}
    found: dict[str, float | None] = {}
    for control in kinds.DRAWN:
        draws = means((kinds.named(control, scheme), top_percent))
        if draws is not None:
            (observed,) = means((scheme, top_percent))
            found[f"p_value_{control}"] = tests.empirical_p(observed, draws)
            found[f"p_value_{control}_t"] = tests.as_one_more_draw_p(observed, draws)
    return found
