"""Soft term frequency: how heads' attention saturates with a term's count, as BM25's does."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from relevance_neurons.report.figures.patch_maps import empty_figure
from relevance_neurons.report.figures.style import (
    PANEL_WIDTH,
    colour,
    marker,
    new_figure,
    note,
    styled,
)

KINDS = {"total": "to the whole passage", "exact": "to equal words", "soft": "to related words"}
_COUNTS = np.linspace(0, 10, 101)
_LIGHTEST = 0.9
"""Of viridis: its last yellow is too light for lines on white."""
_SHOWN = (0.03, 30.0)
"""k1 that an axis shows: below it one occurrence is all, above it the curve is a line."""
_BEYOND = "k1 beyond the axis"
_AT_LEAST = (0.25, 4.0)
"""So that there are ticks enough to read it by."""
_BM25 = {"color": "black", "ls": "--", "lw": 1}
_HEIGHT = 4.3


@styled
def soft_tf_figure(
    soft_tf: pl.DataFrame, collections: Sequence[str], k1: float, b: float
) -> Figure:
    """Of each collection the fitted curves of matching heads, and their k1 and b with intervals.

    ``soft_tf``: as the contract has it; ``k1``, ``b``: the study's BM25, dashed. Curves are
    tf (k1 + 1) / (tf + k1), BM25's form at a passage of mean length, 1 at one occurrence, and
    without what a passage gets that lacks the term; a line a head, by layer. A k1 beyond the axis
    is hollow, at its end.
    """
    rows = soft_tf.filter(pl.col("is_matching"), pl.col("collection").is_in(collections))
    if rows.is_empty():
        return empty_figure("no matching head was found")
    layers = rows["layer"].unique().sort().to_list()
    shades = ListedColormap(matplotlib.colormaps["viridis"](np.linspace(0, _LIGHTEST, 256)))
    norm = BoundaryNorm(np.arange(layers[0], layers[-1] + 2) - 0.5, 256)
    there = set(rows["collection"])
    heights = [_HEIGHT if one in there else 0.5 for one in collections]
    figure = new_figure(2 * PANEL_WIDTH, sum(heights))
    blocks = figure.subfigures(len(collections), 1, squeeze=False, height_ratios=heights)[:, 0]
    for block, collection in zip(blocks, collections, strict=True):
        own = rows.filter(collection=collection).sort("layer", "head")
        if own.is_empty():
            axes = block.subplots()
            axes.set_axis_off()
            note(axes, f"{collection}: nothing was fitted")
            continue
        above, below = block.subfigures(2, 1, height_ratios=[1, 1.05])
        above.suptitle(collection, fontsize=8, fontweight="bold")
        _draw_curves(above, own, k1, ScalarMappable(norm, shades))
        _draw_values(below, own, k1, b)
    return figure


def _draw_curves(block: SubFigure, rows: pl.DataFrame, k1: float, by_layer: ScalarMappable) -> None:
    panels = block.subplots(1, len(KINDS), sharex=True, sharey=True)
    for axes, (kind, words) in zip(panels, KINDS.items(), strict=True):
        fitted = rows.filter(kind=kind).drop_nulls("k1")
        axes.set_title(f"attention {words}")
        axes.grid(True)
        for layer, of_head in fitted.select("layer", "k1").iter_rows():
            axes.plot(_COUNTS, saturation(_COUNTS, of_head), color=by_layer.to_rgba(layer), lw=0.9)
        axes.plot(_COUNTS, saturation(_COUNTS, k1), **_BM25)
        axes.set(xlabel="occurrences of the term (tf)", xlim=(0, 10), ylim=(0, None))
        if fitted.is_empty():
            note(axes, "no curve could be fitted", y=0.12)
    panels[0].set_ylabel("rise of attention\n(1 at one occurrence)")
    bar = block.colorbar(by_layer, ax=list(panels), label="layer", pad=0.01, aspect=25)
    bar.ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    bar.ax.minorticks_off()


def saturation(tf: np.ndarray, k1: float) -> np.ndarray:
    """BM25's term frequency at a passage of mean length; shape as ``tf``'s (counts)."""
    return tf * (k1 + 1) / (tf + k1) if k1 > 0 else (tf > 0).astype(float)


def _draw_values(block: SubFigure, rows: pl.DataFrame, k1: float, b: float) -> None:
    """k1 on a log axis, and b; a head's three kinds beside each other."""
    left, right = block.subplots(1, 2, sharex=True)
    for axes, of_bm25 in ((left, k1), (right, b)):
        axes.grid(True, axis="y")
        axes.axhline(of_bm25, **_BM25, label=f"BM25, k1 = {k1:g}, b = {b:g}")
    names = rows.select(pl.format("{}.{}", "layer", "head"))["layer"].unique(maintain_order=True)
    for index, (kind, words) in enumerate(KINDS.items()):
        own = rows.filter(kind=kind)
        places = {name: place for place, name in enumerate(names)}
        x = np.array([places[f"{a}.{h}"] for a, h in own.select("layer", "head").iter_rows()])
        for axes, column in ((left, "k1"), (right, "b")):
            _draw_intervals(axes, x + 0.22 * (index - 1), own, column, index, words)
    left.set_yscale("log")
    low, high = left.get_ylim()
    ends = min(low, _AT_LEAST[0]), max(high, _AT_LEAST[1])
    left.set_ylim(max(ends[0], 0.8 * _SHOWN[0]), min(ends[1], 1.25 * _SHOWN[1]))
    left.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    left.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    left.yaxis.set_minor_formatter(NullFormatter())
    left.set(ylabel="k1 (saturation)", xlabel="matching head (layer.head)")
    right.set(ylabel="b (passage length)", xlabel="matching head (layer.head)")
    left.set_xticks(range(len(names)), names, rotation=90)
    right.tick_params(axis="x", rotation=90)
    left.set_xlim(-0.5, len(names) - 0.5)
    entries = dict(zip(*left.get_legend_handles_labels()[::-1], strict=True))
    block.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=4)


def _draw_intervals(
    axes: Axes, x: np.ndarray, rows: pl.DataFrame, column: str, index: int, words: str
) -> None:
    values = rows[column].cast(pl.Float64).to_numpy()
    ends = [rows[f"{column}_{end}"].cast(pl.Float64).to_numpy() for end in ("low", "high")]
    shown = np.clip(values, *_SHOWN) if column == "k1" else values
    is_beyond = shown != values
    axes.vlines(x, *ends, color=colour(index), lw=0.9)
    look = {"color": colour(index), "marker": marker(index), "ls": "", "ms": 3}
    axes.plot(x[~is_beyond], shown[~is_beyond], **look, label=words)
    if (is_beyond & ~np.isnan(values)).any():
        axes.plot(x[is_beyond], shown[is_beyond], **look, mfc="white", label=_BEYOND)
