"""Degradation: how fast p falls while tokens are removed, by method and by layer."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from relevance_neurons.report.figures.style import (
    PANEL_WIDTH,
    colour,
    marker,
    new_figure,
    styled,
)
from relevance_neurons.report.names import method_label, over_collections

_WAYS = {"deletion": "tokens deleted", "mask": "[MASK] in their place"}
_ORDERS = {"most": "most important first", "least": "least important first"}
_ALPHA = 0.18
_LIGHTEST = 0.9
"""Of viridis: its last yellow is too light for lines on white."""
_AXIS = "p of the label"


@styled
def token_degradation_figure(
    curves: pl.DataFrame, areas: pl.DataFrame, methods: Sequence[str], layer: int
) -> Figure:
    """p of the label while tokens are removed.

    Not normalised, as the paper's is: where a ranker gives emptied pairs a p that is higher than
    that of halved ones, the normalised curve falls far below 0.

    ``curves``, ``areas``: as the contract has degradation_curves and degradation_areas;
    ``methods``: the study's, its own first. Above, a panel a way and an order of removal: a line a
    method (those with layers at ``layer``). Below, for the first method with layers, deletion, the
    most important first: its curve at every layer, and its mean drop of p at every layer, beside
    those of the methods without. Means over collections; bands: 95 % intervals over queries.
    """
    curves, areas = over_collections(curves), over_collections(areas)
    ways = [way for way in _WAYS if way in set(curves["removal"])]
    orders = [order for order in _ORDERS if order in set(curves["order"])]
    layered = areas.drop_nulls("layer").filter(removal=ways[0], order=orders[0])
    has_layers = layered["layer"].n_unique() > 1
    heights = [0.35 + 2.0 * len(ways), *([2.6] if has_layers else [])]
    figure = new_figure(2 * PANEL_WIDTH, sum(heights))
    blocks = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    at_layer = curves.filter(pl.col("layer").is_null() | (pl.col("layer") == layer))
    letters = iter("abcdef")
    panels = blocks[0].subplots(len(ways), len(orders), sharex=True, sharey=True, squeeze=False)
    for (row, column), axes in np.ndenumerate(panels):
        way, order = ways[row], orders[column]
        axes.set_title(f"({next(letters)}) {_WAYS[way]}, {_ORDERS[order]}")
        _draw_methods(axes, at_layer.filter(removal=way, order=order), methods)
    panels[0, 0].set_ylim(0, 1)
    _label(panels)
    blocks[0].legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    if has_layers:
        method = layered["method"][0]
        own = curves.filter(removal=ways[0], order=orders[0], method=method)
        others = areas.filter(pl.col("layer").is_null(), removal=ways[0], order=orders[0])
        _draw_layers(blocks[1], own, layered.filter(method=method), others, methods, letters)
    return figure


def _draw_methods(axes: Axes, curves: pl.DataFrame, methods: Sequence[str]) -> None:
    axes.grid(True)
    for index, method in enumerate(methods):
        curve = curves.filter(method=method).sort("step")
        share = 100 * curve["share"]
        ends = [curve[name].fill_null(np.nan) for name in ("p_label_low", "p_label_high")]
        axes.fill_between(share, *ends, color=colour(index), alpha=_ALPHA, lw=0)
        look = {"color": colour(index), "marker": marker(index), "ms": 2.8}
        axes.plot(share, curve["p_label"], **look, label=method_label(method))


def _label(panels: np.ndarray) -> None:
    for axes in panels[-1]:
        axes.set_xlabel("tokens removed (%)")
    for axes in panels[:, 0]:
        axes.set_ylabel(_AXIS)


def _draw_layers(
    block: SubFigure,
    curves: pl.DataFrame,
    areas: pl.DataFrame,
    others: pl.DataFrame,
    methods: Sequence[str],
    letters,
) -> None:
    """The curves of all layers, from dark (first) to light, and their areas."""
    left, right = block.subplots(1, 2)
    areas = areas.sort("layer")
    layers = areas["layer"].to_list()
    shades = ListedColormap(matplotlib.colormaps["viridis"](np.linspace(0, _LIGHTEST, 256)))
    bounds = np.arange(min(layers), max(layers) + 2) - 0.5
    norm = BoundaryNorm(bounds, 256)
    for layer in layers:
        curve = curves.filter(layer=layer).sort("step")
        share = 100 * curve["share"]
        left.plot(share, curve["p_label"], color=shades(norm(layer)), lw=1, label=f"{layer}")
    mappable = ScalarMappable(norm, shades)
    bar = block.colorbar(mappable, ax=left, label="layer", pad=0.02, aspect=30)
    bar.ax.yaxis.set_major_locator(MaxNLocator(min(6, len(layers)), integer=True))
    bar.ax.minorticks_off()
    name = method_label(areas["method"][0])
    left.set_title(f"({next(letters)}) {name}, layer by layer")
    right.set_title(f"({next(letters)}) mean drop over the steps")
    left.set_xlabel("tokens removed (%)")
    left.set_ylabel(_AXIS)
    _draw_drops(right, areas, others, methods)
    for axes in (left, right):
        axes.grid(True)
    left.set_ylim(0, 1)


def _draw_drops(
    axes: Axes, areas: pl.DataFrame, others: pl.DataFrame, methods: Sequence[str]
) -> None:
    index = methods.index(areas["method"][0])
    ends = [areas[name].fill_null(np.nan) for name in ("mean_drop_low", "mean_drop_high")]
    axes.fill_between(areas["layer"], *ends, color=colour(index), alpha=_ALPHA, lw=0)
    axes.plot(areas["layer"], areas["mean_drop"], color=colour(index), marker=marker(index), ms=2.8)
    for number, method in enumerate(methods):
        for drop in others.filter(method=method)["mean_drop"]:
            axes.axhline(drop, color=colour(number), ls="--", lw=0.9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("layer (dashed: methods without layers)")
    axes.set_ylabel("mean drop of p")
