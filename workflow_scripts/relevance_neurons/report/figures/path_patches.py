"""Path patches as maps: from every head to the last residual stream, and to relevance heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from relevance_neurons.report.figures.heat_maps import (
    Places,
    Scale,
    blocks_of,
    draw_map,
    entitle,
    map_legend,
    outline,
    panel_size,
)
from relevance_neurons.report.figures.patch_maps import EFFECT, empty_figure, ranker_size
from relevance_neurons.report.figures.style import new_figure, note, styled

_INPUTS = ("query", "key", "value")
_TALL = 1.35


@styled
def path_patches_figure(
    paths: pl.DataFrame,
    heads: pl.DataFrame,
    collections: Sequence[str],
    perturbations: Sequence[str],
    significance: float = 0.05,
) -> Figure:
    """Above, senders to the last residual stream; below, to the inputs of relevance heads.

    ``paths``: as the contract has path_patches. Above a row a collection, a column a perturbation;
    below a row a relevance head, of the first of ``perturbations`` that has such paths, which the
    heading names. Above and below have a scale each; found heads are outlined.
    """
    paths = paths.filter(
        pl.col("collection").is_in(collections), pl.col("perturbation").is_in(perturbations)
    ).rename({"sender_layer": "layer", "sender_head": "head"})
    size = ranker_size(heads, paths)
    if size is None or paths.is_empty():
        return empty_figure("no path was patched")
    places = Places.numbered("head", size[1], "head"), Places.numbered("layer", size[0], "layer")
    last, inner = paths.filter(receiver="residual"), paths.filter(pl.col("receiver") != "residual")
    receivers = inner.select("receiver_layer", "receiver_head").unique().sort(pl.all()).rows()
    blocks = blocks_of(collections)
    n_lines = len(receivers) * len(blocks)
    heights = [panel_size(1, n, _TALL)[2] for n in (len(collections), n_lines)]
    heights[1] = heights[1] if receivers else 0.9
    figure = new_figure(panel_size(1, 1, _TALL)[1], sum(heights))
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    maps = _Maps(*places, Scale.of(last["effect"]), significance, heads)
    _draw_last(above, last, maps, collections, perturbations)
    if receivers:
        tested = next(one for one in perturbations if one in set(inner["perturbation"]))
        inner = inner.filter(perturbation=tested)
        maps = replace(maps, scale=Scale.of(inner["effect"]))  # they are far smaller
        below.suptitle(f"to the inputs of relevance heads, {tested}", fontsize=8)
        _draw_inner(below, inner, maps, receivers, blocks)
    else:
        axes = below.subplots()
        axes.set_axis_off()
        note(axes, "no path to a relevance head was patched")
    map_legend(below, significance, with_heads=True)
    return figure


@dataclass(frozen=True)
class _Maps:
    """Draws maps of senders."""

    x: Places
    y: Places
    scale: Scale
    significance: float
    heads: pl.DataFrame

    def draw(self, axes: Axes, rows: pl.DataFrame, name: str, block: str) -> None:
        draw_map(axes, rows, self.x, self.y, self.scale, self.significance)
        outline(axes, self.heads)
        entitle(axes, name, block, rows)

    def label(self, grid: np.ndarray) -> None:
        """Ticks and titles of the axes that all panels share."""
        wide = panel_size(grid.shape[1], 1, _TALL)[0]
        grid[0, 0].set_xticks(*self.x.ticks(wide, upright=False))
        grid[0, 0].set_yticks(*self.y.ticks(_TALL))
        for axes in grid[-1]:
            axes.set_xlabel("sender: head")


def _draw_last(
    block: SubFigure,
    rows: pl.DataFrame,
    maps: _Maps,
    collections: Sequence[str],
    perturbations: Sequence[str],
) -> None:
    shape = (len(collections), len(perturbations))
    grid = block.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    for panels, collection in zip(grid, collections, strict=True):
        for axes, one in zip(panels, perturbations, strict=True):
            maps.draw(axes, rows.filter(collection=collection, perturbation=one), "", one)
        panels[0].set_ylabel(f"{collection}\nsender: layer")
    maps.label(grid)
    block.suptitle("to the last residual stream", fontsize=8)
    maps.scale.bar(block, grid, EFFECT)


def _draw_inner(
    block: SubFigure,
    rows: pl.DataFrame,
    maps: _Maps,
    receivers: Sequence[tuple[int, int]],
    blocks: Sequence[Sequence[str]],
) -> None:
    """A row a receiver, and again for further collections; its three inputs side by side."""
    lines = [(some, at) for some in blocks for at in receivers]
    n_columns = len(_INPUTS) * len(blocks[0])
    grid = block.subplots(len(lines), n_columns, sharex=True, sharey=True, squeeze=False)
    for panels, (some, (layer, head)) in zip(grid, lines, strict=True):
        own = rows.filter(receiver_layer=layer, receiver_head=head)
        places = [(collection, one) for collection in some for one in _INPUTS]
        for axes, (collection, one) in zip(panels, places, strict=False):
            heading = collection if one == _INPUTS[0] else ""
            maps.draw(axes, own.filter(collection=collection, receiver=one), one, heading)
        for axes in panels[len(places) :]:
            axes.set_axis_off()
        panels[0].set_ylabel(f"to {layer}.{head}\nsender: layer")
    maps.label(grid)
    maps.scale.bar(block, grid, EFFECT)
