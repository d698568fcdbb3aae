"""Methods side by side: what the same schemes cost the ranking, by whose scores they pick."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from relevance_neurons.report.figures.style import (
    DARK_GREY,
    LIGHT_GREY,
    PANEL_WIDTH,
    colour,
    marker,
    new_figure,
    styled,
)
from relevance_neurons.report.names import method_label, parted
from relevance_neurons.report.tables.table4 import EMPTY
from relevance_neurons.selection.ablation_kinds import RANDOM, named, with_kind

_LINE, _HEADING = 0.3, 0.2
"""Inches of a method's line, and of the heading above a scheme's lines."""
_UP, _DOWN = -0.17, 0.2
"""Where on its line, of height 1, the collections and their pooled effect stand."""

Line = tuple[str, str, str | None]
"""A scheme's name without its method, a method, the scheme's whole name; None: a heading."""


@styled
def method_effects_figure(
    effects: pl.DataFrame,
    pooled: pl.DataFrame | None,
    methods: Sequence[str],
    measure: str,
    schemes: Sequence[str],
) -> Figure:
    """Effect of every scheme under every method: a panel a level, two beside each other.

    ``effects``: as ``ablation_effects`` returns; ``pooled``: pooled_effects, of which the rows of
    the out-of-domain collections count, None without such; ``methods``: the study's, its own
    first; ``schemes``: those ablated, of all methods, in order. A small marker is a collection,
    the diamond below is the effect over the queries of all out-of-domain ones with its 95 %
    interval; filled: significant after Holm's correction. The grey bar spans the single random
    draws of all collections.
    """
    lines = _lines(schemes, methods)
    levels = sorted(effects["top_percent"].unique())
    collections = effects["collection"].unique().sort().to_list()
    n_rows = -(-len(levels) // 2)
    height = sum(_HEADING if name is None else _LINE for *_, name in lines) + 0.55
    figure = new_figure(2 * PANEL_WIDTH, n_rows * height + 0.5)
    shape = (n_rows, min(2, len(levels)))
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    heights = _heights(lines)
    for axes, level in zip(grid.flat, levels, strict=False):
        axes.set_title(f"top {level:g} %")
        of = {"top_percent": level}
        own = None if pooled is None else pooled.filter(**of, domain="out")
        _panel(axes, effects.filter(**of), own, lines, heights, methods, collections)
    for axes in grid.flat[len(levels) :]:
        axes.remove()
    for place, axes in enumerate(grid.flat[: len(levels)]):
        if place + shape[1] >= len(levels):
            axes.set_xlabel(f"change of {measure} (%)")
            axes.tick_params(labelbottom=True)
    _name_lines(grid[:, 0], lines, heights, methods)
    _legend(figure, effects, collections, pooled)
    return figure


def _lines(schemes: Sequence[str], methods: Sequence[str]) -> list[Line]:
    """A heading for every scheme of the first method, or another's alone, and a line a method."""
    found: dict[str, dict[str, str]] = {}
    for scheme in schemes:
        base, method = parted(scheme)
        found.setdefault(base, {})[method or methods[0]] = scheme
    return [
        line
        for base, own in found.items()
        for line in [(base, "", None), *((base, one, own[one]) for one in methods if one in own)]
    ]


def _heights(lines: Sequence[Line]) -> list[float]:
    """The middle of each line from the top, in lines; a heading is less high."""
    heights, top = [], 0.0
    for *_, name in lines:
        height = _HEADING / _LINE if name is None else 1
        heights.append(top + height / 2)
        top += height
    return heights


def _panel(
    axes: Axes,
    effects: pl.DataFrame,
    pooled: pl.DataFrame | None,
    lines: Sequence[Line],
    heights: Sequence[float],
    methods: Sequence[str],
    collections: Sequence[str],
) -> None:
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color="black", lw=0.6)
    for y, (base, method, name) in zip(heights, lines, strict=True):
        if name is None:
            style = {"transform": axes.get_yaxis_transform(), "weight": "bold", "va": "center"}
            axes.text(0.01, y, base, **style, bbox={"fc": "white", "ec": "none", "pad": 0.8})
            continue
        shade, rows = colour(methods.index(method)), effects.filter(scheme=name)
        if rows.height and (rows["n_neurons"] == 0).all():
            axes.text(0, y, f" {EMPTY}", va="center", ha="left")
            continue
        _draw_draws(axes, effects.filter(scheme=named(RANDOM, name)), y)
        for row in rows.drop_nulls("difference_percent").iter_rows(named=True):
            look = _look(shade, marker(collections.index(row["collection"])), row)
            axes.plot(row["difference_percent"], y + _UP, **look, ms=4)
        for row in [] if pooled is None else pooled.filter(scheme=name).iter_rows(named=True):
            axes.hlines(y + _DOWN, row["ci_low"], row["ci_high"], color=shade, lw=1.6)
            axes.plot(row["difference_percent"], y + _DOWN, **_look(shade, "d", row), ms=6.5)


def _draw_draws(axes: Axes, draws: pl.DataFrame, y: float) -> None:
    low, high = draws["draw_low"].min(), draws["draw_high"].max()
    if low is not None:
        axes.barh(y, high - low, 0.86, left=low, color=LIGHT_GREY, lw=0)


def _look(shade: str, shape: str, row: dict) -> dict[str, object]:
    face = shade if row["significant_holm"] else "white"
    return {"color": shade, "marker": shape, "mfc": face, "mew": 0.9, "lw": 0, "clip_on": False}


def _name_lines(
    first: Sequence[Axes], lines: Sequence[Line], heights: Sequence[float], methods: Sequence[str]
) -> None:
    named_lines = [(y, one) for y, (_, one, name) in zip(heights, lines, strict=True) if name]
    for axes in first:
        axes.set_yticks([y for y, _ in named_lines], [method_label(one) for _, one in named_lines])
        for text, (_, method) in zip(axes.get_yticklabels(), named_lines, strict=True):
            text.set_color(colour(methods.index(method)))
        axes.set_ylim(heights[-1] + 0.55, 0)


def _legend(
    figure: Figure,
    effects: pl.DataFrame,
    collections: Sequence[str],
    pooled: pl.DataFrame | None,
) -> None:
    plain = {"color": DARK_GREY, "lw": 0}
    handles = [
        Line2D([], [], **plain, marker=marker(i), mfc="white", ms=4, label=name)
        for i, name in enumerate(collections)
    ]
    if pooled is not None and pooled.filter(domain="out").height:
        of_all = {"color": DARK_GREY, "lw": 1.6, "marker": "d", "ms": 6.5, "mfc": "white"}
        handles.append(Line2D([], [], **of_all, label="all out-of-domain queries, 95 % interval"))
    handles.append(Line2D([], [], **plain, marker="o", ms=4, label="filled: significant (Holm)"))
    random = with_kind(effects).filter(kind=RANDOM)
    if random["draw_low"].is_not_null().any():
        handles.append(Patch(color=LIGHT_GREY, label="range of random draws"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
