"""Where in the passages important tokens stand: figures 5 and 10 of paper 004."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relevance_neurons.report.figures.style import (
    GREY,
    LIGHT_GREY,
    PANEL_WIDTH,
    colour,
    new_figure,
    note,
    styled,
)

FEWEST = 10
"""Pairs with a token at a position, below which its share says little and is not drawn."""


@styled
def token_positions_figure(positions: pl.DataFrame, layer: int, important: int) -> Figure:
    """How often the token at a position of a passage is among its pair's ``important`` first ones.

    ``positions``: as the contract has token_positions, of all collections together. On the left a
    row a layer, in percent of the pairs that have a token there, so that long passages, which are
    few, do not look as if their ends did not count; on the right the same at ``layer`` (or of a
    method without layers), below it the number of pairs. Positions of fewer than ``FEWEST`` pairs
    are left out.
    """
    counts = positions.group_by("layer", "position").agg(pl.sum("n_important", "n_pairs_there"))
    share = 100 * pl.col("n_important") / pl.col("n_pairs_there")
    rows = counts.with_columns(share=share).filter(pl.col("n_pairs_there") >= FEWEST)
    figure = new_figure(2 * PANEL_WIDTH, 3.2)
    places = [["layers", "share"], ["layers", "pairs"]]
    panels = figure.subplot_mosaic(places, width_ratios=[1.15, 1], height_ratios=[2, 1])
    panels["layers"].set_title("(a) at every layer")
    label = f"among the {important} most important (%)"
    _draw_layers(figure, panels["layers"], rows.drop_nulls("layer"), label)
    own = rows.filter(pl.col("layer").is_null() | (pl.col("layer") == layer)).sort("position")
    has_layer = own["layer"].is_not_null().any()
    panels["share"].set_title(f"(b) at layer {layer}" if has_layer else "(b) without layers")
    panels["share"].set_ylabel("important (%)")
    panels["pairs"].set_ylabel("pairs with\na token there")
    panels["pairs"].set_xlabel("position in the passage (tokens)")
    for place, column in (("share", "share"), ("pairs", "n_pairs_there")):
        _draw_one(panels[place], own, column)
    return figure


def _draw_layers(figure: Figure, axes: Axes, rows: pl.DataFrame, label: str) -> None:
    axes.set_xlabel("position in the passage (tokens)")
    axes.set_ylabel("layer")
    if rows.is_empty():
        note(axes, "no layers, or too few pairs")
        return
    first, n_positions = rows["layer"].min(), rows["position"].max() + 1
    table = np.full((rows["layer"].max() - first + 1, n_positions), np.nan)
    table[rows["layer"] - first, rows["position"]] = rows["share"]
    place = (-0.5, n_positions - 0.5, first - 0.5, rows["layer"].max() + 0.5)
    image = axes.imshow(
        np.ma.masked_invalid(table),
        **{"cmap": "viridis", "vmin": 0, "aspect": "auto", "origin": "lower", "extent": place},
        interpolation="nearest",
    )
    axes.set_facecolor(LIGHT_GREY)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(7, integer=True))
    bar = {"location": "top", "shrink": 0.6, "aspect": 30, "pad": 0.02}
    figure.colorbar(image, ax=axes, label=label, **bar)


def _draw_one(axes: Axes, rows: pl.DataFrame, column: str) -> None:
    if rows.is_empty():
        note(axes, "too few pairs")
        return
    axes.grid(True)
    axes.plot(rows["position"], rows[column], color=colour(0) if column == "share" else GREY)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
