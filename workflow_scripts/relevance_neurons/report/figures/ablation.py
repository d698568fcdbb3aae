"""Figures of the ablations: their effects beside random controls, and the rankings' quality."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from relevance_neurons.ablation.ranking_quality import RANKINGS
from relevance_neurons.report.figures.style import (
    LIGHT_GREY,
    PANEL_WIDTH,
    colour,
    marker,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.names import scheme_label
from relevance_neurons.report.tables.table4 import DOMAINS, EMPTY, ablated_in, table4_schemes
from relevance_neurons.selection.ablation_kinds import PLAIN, RANDOM, named, with_kind

_ROW_HEIGHT = 0.24
_LINE = {"color": LIGHT_GREY, "lw": 0.4}
_COLOURS = {"bm25": 0, "reranker": 1, "run": 2}


@styled
def effects_figure(
    effects: pl.DataFrame,
    in_domain: Sequence[str],
    measure: str,
    schemes: Sequence[str] | None = None,
) -> Figure:
    """Effect of every scheme of table 4: a row of panels per level, in and out of the domain.

    ``effects``: as ``ablation_effects`` returns; ``schemes``: as in ``table4``. A marker is a
    collection with its 95 % interval, filled if significant after Holm's correction; the grey bar
    behind it spans the draws of its random control; the black tick is the mean of the panel's
    collections.
    """
    effects = with_kind(effects).filter(pl.col("kind").is_in([PLAIN, RANDOM]))
    ablated, present = ablated_in(effects) if schemes is None else schemes, set(effects["scheme"])
    schemes = [scheme for scheme in table4_schemes(ablated, in_domain) if scheme in present]
    levels = sorted(effects["top_percent"].unique())
    collections = effects["collection"].unique().sort().to_list()
    inside = [name for name in collections if name in in_domain]
    outside = [name for name in collections if name not in in_domain]
    figure, grid = scheme_panels(schemes, levels, _ROW_HEIGHT)
    for row, level in zip(grid, levels, strict=True):
        for axes, names in zip(row, (inside, outside), strict=True):
            _effects_panel(axes, effects.filter(top_percent=level), schemes, names, collections)
    for axes in grid[-1]:
        axes.set_xlabel(f"difference in {measure} (%), 95 % interval")
    _effects_legend(figure, effects, collections)
    return figure


def scheme_panels(
    schemes: Sequence[str], levels: Sequence[float], row_height: float
) -> tuple[Figure, np.ndarray]:
    """A figure and its panels, shape (levels, 2): in-domain and out-of-domain, a line a scheme."""
    height = len(levels) * (row_height * len(schemes) + 0.45) + 0.8
    figure = new_figure(2 * PANEL_WIDTH, height)
    grid = figure.subplots(len(levels), 2, sharex="row", sharey=True, squeeze=False)
    between = np.arange(len(schemes) - 1) + 0.5
    for row, level in zip(grid, levels, strict=True):
        for axes, domain in zip(row, DOMAINS.values(), strict=True):
            axes.set_title(f"top {level:g} %, {domain}")
            axes.grid(True, axis="x")
            axes.axvline(0, color="black", lw=0.6)
            axes.hlines(between, 0, 1, transform=axes.get_yaxis_transform(), **_LINE)
    grid[0, 0].set_yticks(range(len(schemes)), map(scheme_label, schemes))
    grid[0, 0].set_ylim(len(schemes) - 0.5, -0.5)
    return figure, grid


def _effects_panel(
    axes: Axes,
    effects: pl.DataFrame,
    schemes: Sequence[str],
    names: Sequence[str],
    collections: Sequence[str],
) -> None:
    if not names:
        note(axes, "no such collection in the study")
        return
    found = {(row["scheme"], row["collection"]): row for row in effects.iter_rows(named=True)}
    offsets = np.linspace(-0.3, 0.3, len(names)) if len(names) > 1 else [0.0]
    for y, scheme in enumerate(schemes):
        rows = [found.get((scheme, name)) for name in names]
        if all(row is not None and row["n_neurons"] == 0 for row in rows):
            axes.text(0, y, f" {EMPTY}", va="center", ha="left")
            continue
        for name, row, offset in zip(names, rows, offsets, strict=True):
            control = found.get((named(RANDOM, scheme), name))
            _draw_effect(axes, row, control, y + offset, collections.index(name), 0.6 / len(names))
        changes = [row["difference_percent"] for row in rows if row is not None]
        changes = [change for change in changes if change is not None]
        if len(changes) > 1:
            axes.vlines(np.mean(changes), y - 0.42, y + 0.42, color="black", lw=1.4)


def _draw_effect(
    axes: Axes, row: dict | None, control: dict | None, y: float, index: int, height: float
) -> None:
    """One collection's marker and interval, over the range of its random draws."""
    if control is not None and control["draw_low"] is not None:
        low, width = control["draw_low"], control["draw_high"] - control["draw_low"]
        axes.barh(y, width, height, left=low, color=LIGHT_GREY, ec=LIGHT_GREY, lw=0.8)
    if row is None or row["difference_percent"] is None:
        return
    if row["ci_low"] is not None:
        axes.hlines(y, row["ci_low"], row["ci_high"], color=colour(index), lw=0.9)
    face = colour(index) if row["significant_holm"] else "white"
    style = {"color": colour(index), "marker": marker(index), "markerfacecolor": face}
    axes.plot(row["difference_percent"], y, markeredgewidth=0.8, **style)


def _effects_legend(figure: Figure, effects: pl.DataFrame, collections: Sequence[str]) -> None:
    handles = [
        Line2D([], [], color=colour(i), marker=marker(i), lw=0.9, label=name)
        for i, name in enumerate(collections)
    ]
    plain = {"color": "black", "lw": 0, "marker": "o"}
    handles += [
        Line2D([], [], **plain, label="significant (Holm)"),
        Line2D([], [], **plain, markerfacecolor="white", label="not significant"),
    ]
    if len(collections) > 1:
        tick = {"color": "black", "lw": 0, "marker": "|", "ms": 8, "mew": 1.4}
        handles.append(Line2D([], [], **tick, label="mean of collections"))
    if effects["draw_low"].is_not_null().any():
        handles.append(Patch(color=LIGHT_GREY, label="range of random draws"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


@styled
def quality_figure(quality: pl.DataFrame) -> Figure:
    """Quality of the first stage and of the unpruned ranker on every collection.

    ``quality``: collection, ranking (bm25, run, reranker), measure, value, ci_low, ci_high,
    n_queries; a panel a measure, with 95 % intervals. A collection has one first stage.
    """
    measures = quality["measure"].unique().sort().to_list()
    there = set(quality["ranking"])
    rankings = [ranking for ranking in RANKINGS if ranking in there]
    collections = quality.group_by("collection").agg(pl.col("n_queries").max()).sort("collection")
    figure = new_figure(PANEL_WIDTH * len(measures) + 1, 0.32 * collections.height + 1.1)
    grid = figure.subplots(1, len(measures), sharey=True, squeeze=False)
    for axes, measure in zip(grid.flat, measures, strict=True):
        axes.grid(True, axis="x")
        axes.set(xlabel=f"{measure}, mean over queries (95 % interval)", xlim=(0, 1))
        for ranking in rankings:
            rows = quality.filter(measure=measure, ranking=ranking)
            placed = collections.join(rows, on="collection", how="left", maintain_order="left")
            _draw_quality(axes, placed, ranking)
    ticks = [f"{name} ({n:,} queries)" for name, n in collections.iter_rows()]
    grid[0, 0].set_yticks(range(collections.height), ticks)
    grid[0, 0].set_ylim(collections.height - 0.5, -0.5)
    handles, texts = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(rankings))
    return figure


def _draw_quality(axes: Axes, rows: pl.DataFrame, ranking: str) -> None:
    """A marker a collection: the first stage's above its line, the ranker's below."""
    index = _COLOURS[ranking]
    y = np.arange(rows.height) + (0.14 if ranking == "reranker" else -0.14)
    known = rows["ci_low"].is_not_null().to_numpy()
    bounds = rows.filter(known)
    axes.hlines(y[known], bounds["ci_low"], bounds["ci_high"], color=colour(index), lw=1)
    style = {"color": colour(index), "marker": marker(index), "lw": 0, "label": RANKINGS[ranking]}
    axes.plot(rows["value"], y, markersize=4.5, clip_on=False, **style)  # whole at 1, too
