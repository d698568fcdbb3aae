"""How like in size the neurons are that matched draws put in place of a scheme's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from relevance_neurons.ablation.conditions import Condition, Settings, conditions
from relevance_neurons.rankers.neurons import Neurons
from relevance_neurons.selection.ablation_kinds import MATCHED, PLAIN, RANDOM, parted
from relevance_neurons.selection.random_draws import in_order

MATCHES = pl.Schema(
    {
        "scheme": pl.String,
        "top_percent": pl.Float64,
        "size_selected": pl.Float64,
        "size_matched": pl.Float64,
        "size_random": pl.Float64,
        "ratio_matched": pl.Float64,
        "ratio_random": pl.Float64,
        "worst_ratio": pl.Float64,
        "n_draws": pl.Int64,
    }
)


def match_table(
    schemes: pl.DataFrame, neurons: Neurons, activations: pl.DataFrame, settings: Settings
) -> pl.DataFrame:
    """Sizes of each scheme's neurons beside those of its draws, which are those of ``conditions``.

    Arguments as there; a size is the root mean square of a neuron's output. A row is a scheme at a
    level: scheme, top_percent, size_selected (mean over its neurons), size_matched and size_random
    (mean over the neurons of all draws), ratio_matched and ratio_random (size_selected over them:
    1 is best), worst_ratio (the largest selected neuron over the largest of any matched draw) and
    n_draws (matched ones). Null, and 0 draws, where too few neurons are left to draw from.
    """
    sizes = in_order(activations, "root_mean_square", neurons)
    # What the neurons give does not matter here; the other kinds draw nothing.
    given = replace(settings, value="zero", kinds=[PLAIN, RANDOM, MATCHED])
    found: dict[tuple[str, float], dict[str, list[np.ndarray]]] = {}
    for scheme, level, kind, drawn in _drawn(conditions(schemes, neurons, activations, given)):
        kinds = found.setdefault((scheme, level), {PLAIN: [], RANDOM: [], MATCHED: []})
        kinds[kind].append(sizes[neurons.numbers(drawn)])
    rows = [[*name, *_compared(kinds)] for name, kinds in found.items()]
    return pl.DataFrame(rows, schema=MATCHES, orient="row").sort("scheme", "top_percent")


def _drawn(found: Iterable[Condition]) -> Iterable[tuple[str, float, str, pl.DataFrame]]:
    for one in found:
        kind, scheme = parted(one.scheme)
        yield scheme, one.top_percent, kind, one.neurons


def _compared(kinds: Mapping[str, list[np.ndarray]]) -> list[float | int | None]:
    """The columns after the first two; ``kinds``: the sizes of every draw's neurons."""
    (selected,) = kinds[PLAIN]
    means = [float(np.mean(kinds[kind])) if kinds[kind] else None for kind in (MATCHED, RANDOM)]
    ratios = [_ratio(selected.mean(), mean) for mean in means]
    largest = np.max(kinds[MATCHED]) if kinds[MATCHED] else None
    worst = _ratio(selected.max(), largest)
    return [float(selected.mean()), *means, *ratios, worst, len(kinds[MATCHED])]


def _ratio(one: float, other: float | None) -> float | None:
    """``one / other``; None where there is no other, or it is 0."""
    return float(one / other) if other else None
