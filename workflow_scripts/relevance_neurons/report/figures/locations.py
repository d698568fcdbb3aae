"""Where a scheme's neurons are, by layer and component (the paper's figure 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relevance_neurons.errors import UserError
from relevance_neurons.report.figures.style import (
    PANEL_WIDTH,
    colour,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.names import scheme_label


@styled
def figure4(
    schemes: pl.DataFrame, scheme: str, top_percent: float, components: Sequence[str]
) -> Figure:
    """Number of the scheme's neurons in each layer, stacked by component.

    ``schemes``: scheme, top_percent, layer, component, neuron; the layers go up to the highest
    one of any scheme. ``components`` gives the order, from the bottom.

    Raises ``UserError`` if the study has no such scheme or level, and ``ValueError`` if the scheme
    has a component that ``components`` lacks.
    """
    for column, value in (("scheme", scheme), ("top_percent", top_percent)):
        found = schemes[column].unique().sort().to_list()
        if value not in found:
            raise UserError(f"figure 4: found {column} {value}; allowed: {found}")
    chosen = schemes.filter(scheme=scheme, top_percent=top_percent)
    if not set(chosen["component"]) <= set(components):
        raise ValueError(f"components: found {sorted(set(chosen['component']))} in the scheme")
    layers = np.arange(schemes["layer"].max() + 1)
    figure = new_figure(2 * PANEL_WIDTH, 2.9)
    axes = figure.subplots()
    axes.set_title(f"{scheme_label(scheme)}, top {top_percent:g} % ({chosen.height:,} neurons)")
    axes.set(xlabel="layer (0: nearest to the input)", ylabel="selected neurons")
    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=24))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True, axis="y")
    _stack(axes, chosen, layers, components)
    if chosen.is_empty():
        note(axes, "the scheme is empty at this level")
    handles, texts = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], texts[::-1], loc="outside right center")
    return figure


def _stack(axes: Axes, chosen: pl.DataFrame, layers: np.ndarray, components: Sequence[str]) -> None:
    bottom = np.zeros(len(layers))
    for index, component in enumerate(components):
        counts = np.bincount(chosen.filter(component=component)["layer"], minlength=len(layers))
        text = f"{component} ({counts.sum():,})"
        axes.bar(layers, counts, bottom=bottom, color=colour(index), label=text, width=0.8)
        bottom += counts
    axes.set_ylim(0, 1.05 * max(1, bottom.max()))
