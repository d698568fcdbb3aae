"""Loss curves: what the ranking loses with the number of neurons off, a line a method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from relevance_neurons.report.figures.style import (
    LIGHT_GREY,
    MIDDLE_GREY,
    PANEL_WIDTH,
    colour,
    marker,
    new_figure,
    spread_out,
    styled,
)
from relevance_neurons.report.names import EVERY, method_label, over_collections, parted
from relevance_neurons.report.tables.formats import number
from relevance_neurons.selection.ablation_kinds import BOTTOM, KEEP_ONLY, MATCHED, RANDOM

_TOP = "top"
_TITLES = {
    _TOP: "most important first",
    BOTTOM: "least important first",
    KEEP_ONLY: "all others off",
}
_BANDS = {
    RANDOM: {"facecolor": LIGHT_GREY, "edgecolor": LIGHT_GREY, "lw": 0.4},
    MATCHED: {"facecolor": "none", "edgecolor": MIDDLE_GREY, "lw": 0.4, "hatch": "////"},
}
_MOST, _ROW, _SMALL = 4, 3.3, 1.65
"""Small panels in a row; inches of a row of large panels, and of small ones."""
_ALPHA = 0.14


@styled
def loss_curves_figure(
    curves: pl.DataFrame,
    areas: pl.DataFrame,
    methods: Sequence[str],
    measure: str,
    significance: float = 0.05,
) -> Figure:
    """Change of the measure against the number of neurons switched off, a line a method.

    ``curves``, ``areas``: as the contract has loss_curves and curve_areas; ``methods``: the
    study's, its own first. For each family of schemes a row of up to three panels, means over the
    collections (or the only one): most important first (with the range of random and of matched
    draws in grey), least important first, keep-only, as far as they were measured; below it, a
    small panel a collection, most important first. A band is the 95 % interval over queries. Beside
    a line stands its area, the mean over log numbers of neurons, with its interval in the first
    panel, † where it differs from the first method's at ``significance`` after Holm's correction.
    """
    families = list(dict.fromkeys(parted(scheme)[0] for scheme in curves["scheme"]))
    names = [name for name in curves["collection"].unique(maintain_order=True) if name != EVERY]
    n_rows = -(-len(names) // _MOST) if len(names) > 1 else 0
    height = _ROW + _SMALL * n_rows
    figure = new_figure(2 * PANEL_WIDTH, len(families) * height + 0.35)
    blocks = figure.subfigures(
        len(families) + 1, 1, height_ratios=[height] * len(families) + [0.35]
    )
    is_of = curves["scheme"].map_elements(lambda one: parted(one)[0], return_dtype=pl.String)
    for block, family in zip(blocks[:-1], families, strict=True):
        own = curves.filter(is_of == family)
        found = areas.filter(pl.col("scheme").is_in(own["scheme"].unique().to_list()))
        marks = _areas(over_collections(found), methods[0], significance)
        if len(families) > 1:
            block.suptitle(family, x=0.01, ha="left", fontsize=9, weight="bold")
        _draw_block(block, own, marks, methods, names if n_rows else [], measure)
    _legend(blocks[-1], curves)
    return figure


def _areas(areas: pl.DataFrame, first: str, significance: float) -> dict[tuple, tuple[str, str]]:
    """(ablated, method) -> its area as text, without and with the interval and the mark."""
    against = areas.filter(pl.col("compared_with") == first, pl.col("p_value_holm") <= significance)
    differing = set(against.select("ablated", "method").iter_rows())
    found = {}
    for row in areas.unique(["ablated", "method"], keep="first").iter_rows(named=True):
        key = (row["ablated"], row["method"])
        area, low, high = (number(row[name], 1) for name in ("area", "ci_low", "ci_high"))
        found[key] = (area, f"area {area}{'†' if key in differing else ''} [{low}, {high}]")
    return found


def _draw_block(
    block: SubFigure,
    curves: pl.DataFrame,
    areas: dict[tuple, tuple[str, str]],
    methods: Sequence[str],
    names: Sequence[str],
    measure: str,
) -> None:
    """A panel of the mean over collections for each thing ablated, a small one a collection."""
    n_rows = -(-len(names) // _MOST)
    parts = block.subfigures(2, 1, height_ratios=[_ROW, _SMALL * n_rows]) if n_rows else [block]
    of_all = over_collections(curves)
    titles = {one: title for one, title in _TITLES.items() if one in set(of_all["ablated"])}
    widths = [1.6, 1, 1][: len(titles)]
    large = parts[0].subplots(1, len(titles), width_ratios=widths, squeeze=False)[0]
    for letter, axes, (ablated, title) in zip("abc", large, titles.items(), strict=False):
        axes.set_title(f"({letter}) {title}")
        _draw_panel(axes, of_all, ablated, methods)
        _percent_axis(axes, of_all)
        axes.set_xlabel("neurons kept" if ablated == KEEP_ONLY else "neurons switched off")
        _label_lines(axes, of_all.filter(ablated=ablated), areas, methods)
    large[0].set_ylabel(f"change of {measure} (%)")
    if not names:
        return
    small = parts[1].subplots(
        n_rows, min(_MOST, len(names)), sharex=True, sharey=True, squeeze=False
    )
    for axes, name in zip(small.flat, names, strict=False):
        axes.set_title(name)
        _draw_panel(axes, curves.filter(collection=name), _TOP, methods)
    for place, axes in enumerate(small.flat):
        if place >= len(names):
            axes.remove()
        elif place + small.shape[1] >= len(names):  # nothing stands under it
            axes.tick_params(labelbottom=True)
    parts[1].supxlabel("neurons switched off, most important first", fontsize=8)
    parts[1].supylabel(f"change of {measure} (%)", fontsize=8)


def _draw_panel(axes: Axes, curves: pl.DataFrame, ablated: str, methods: Sequence[str]) -> None:
    """Lines with their intervals over the draws; random sets are no control of what is kept."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True)
    axes.axhline(0, color="black", lw=0.6)
    controls = {_TOP: (RANDOM, MATCHED), BOTTOM: (RANDOM,)}.get(ablated, ())
    for control in controls:
        _draw_draws(axes, curves.filter(ablated=control), control)
    for index, method in enumerate(methods):
        curve = curves.filter(ablated=ablated, method=method).sort("n_neurons")
        if curve.is_empty():
            continue
        bounds = [curve[name].cast(pl.Float64).fill_null(np.nan) for name in ("ci_low", "ci_high")]
        axes.fill_between(curve["n_neurons"], *bounds, color=colour(index), alpha=_ALPHA, lw=0)
        look = {"color": colour(index), "marker": marker(index), "label": method_label(method)}
        axes.plot(curve["n_neurons"], curve["difference_percent"], ms=2.8, **look)


def _draw_draws(axes: Axes, draws: pl.DataFrame, control: str) -> None:
    """The range of all methods' single draws: each has its own, like its own top neurons."""
    if draws.is_empty():
        return
    by_size = draws.group_by("n_neurons").agg(pl.min("draw_low"), pl.max("draw_high"))
    by_size = by_size.drop_nulls().sort("n_neurons")
    edges = (by_size["n_neurons"], by_size["draw_low"], by_size["draw_high"])
    axes.fill_between(*edges, label=f"{control} draws", **_BANDS[control])


def _percent_axis(axes: Axes, curves: pl.DataFrame) -> None:
    """The same numbers in percent of all neurons, on top."""
    largest = curves.row(curves["n_neurons"].arg_max(), named=True)
    percent = largest["top_percent"] / largest["n_neurons"]
    top = axes.secondary_xaxis("top", functions=(lambda n: n * percent, lambda x: x / percent))
    top.xaxis.set_major_locator(LogLocator())
    top.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g} %"))
    top.xaxis.set_minor_formatter(NullFormatter())
    top.tick_params(labelsize=7)


def _label_lines(
    axes: Axes,
    curves: pl.DataFrame,
    areas: dict[tuple, tuple[str, str]],
    methods: Sequence[str],
) -> None:
    """Each line's method and area at its right end, in its colour; beside (b), (c) the area."""
    if curves.is_empty():
        return
    ablated, ends = curves["ablated"][0], []
    for index, method in enumerate(methods):
        curve = curves.filter(method=method).sort("n_neurons")
        if curve.height:
            short, long = areas[ablated, method]
            text = f"{method_label(method)}\n{long}" if ablated == _TOP else f"area {short}"
            ends.append((curve["difference_percent"][-1], text, colour(index)))
    low, high = axes.get_ylim()
    gap = (0.125 if ablated == _TOP else 0.07) * (high - low)
    heights = spread_out([end for end, *_ in ends], gap, low + gap / 2, high - gap / 2)
    for height, (end, text, shade) in zip(heights, ends, strict=True):
        place = {"xy": (1, end), "xytext": (1.05, height)}
        systems = {"xycoords": axes.get_yaxis_transform(), "textcoords": axes.get_yaxis_transform()}
        line = {"arrowstyle": "-", "color": shade, "lw": 0.5, "relpos": (0, 0.5)}
        line |= {"shrinkA": 0, "shrinkB": 0}
        axes.annotate(
            text, **place, **systems, color=shade, va="center", fontsize=7, arrowprops=line
        )


def _legend(block: SubFigure, curves: pl.DataFrame) -> None:
    there = set(curves["ablated"])
    handles = [Patch(color=colour(0), alpha=_ALPHA, label="95 % interval over queries")]
    handles += [
        Patch(label=f"{control} draws, lowest to highest", **look)
        for control, look in _BANDS.items()
        if control in there
    ]
    block.legend(handles=handles, loc="center", ncols=3)
