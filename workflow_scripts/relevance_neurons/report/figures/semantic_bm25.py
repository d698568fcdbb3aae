"""How well regressions on the heads' soft term frequency foretell the ranker's logit."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from relevance_neurons.report.figures.style import (
    LIGHT_GREY,
    PANEL_WIDTH,
    colour,
    marker,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.names import FORMS, PAPERS_PEARSON, VARIANTS

_ROW = 0.27
_PAPER = {"color": "black", "marker": "|", "ls": "", "ms": 9, "mew": 1.6}


@styled
def semantic_bm25_figure(results: pl.DataFrame, collections: Sequence[str]) -> Figure:
    """Pearson, Spearman and the ranking's quality of each variant, a row of panels a collection.

    ``results``: as the contract has semantic_bm25; bars: 95 % intervals over queries. The black
    tick is the paper's number, on its own data, beside the variants that it has one of.
    """
    measures = results["measure"].drop_nulls().unique().sort()
    columns = {"pearson": "Pearson", "spearman": "Spearman", "value": ", ".join(measures)}
    there = set(results["variant"])
    variants = [one for one in VARIANTS if one in there or not there]
    height = _ROW * len(variants) + 0.5
    figure = new_figure(2 * PANEL_WIDTH, height * len(collections) + 0.9)
    shape = (len(collections), len(columns))
    grid = figure.subplots(*shape, sharex="col", sharey=True, squeeze=False)
    for panels, collection in zip(grid, collections, strict=True):
        own = results.filter(collection=collection)
        n_queries = f": {own['n_queries'].max()} queries" if not own.is_empty() else ""
        panels[0].set_title(f"{collection}{n_queries}")
        for axes, name in zip(panels, columns, strict=True):
            _draw(axes, own, name, variants)
    for axes, words in zip(grid[-1], columns.values(), strict=True):
        axes.set_xlabel(words or "measure")
    grid[0, 0].set_yticks(range(len(variants)), [VARIANTS[one] for one in variants])
    grid[0, 0].set_ylim(len(variants) - 0.5, -0.5)
    _legend(figure)
    return figure


def _draw(axes: Axes, rows: pl.DataFrame, name: str, variants: Sequence[str]) -> None:
    axes.grid(True, axis="x")
    axes.axvline(0, color="black", lw=0.6)
    for between in range(len(variants) - 1):
        axes.axhline(between + 0.5, color=LIGHT_GREY, lw=0.4)
    known = rows.drop_nulls(name)
    if known.is_empty():
        note(axes, "not measured")
    for place, variant in enumerate(variants):
        for index, form in enumerate(FORMS):
            y = place + 0.16 * (2 * index - 1)
            for row in known.filter(variant=variant, form=form).iter_rows(named=True):
                if row[f"{name}_low"] is not None:
                    ends = (row[f"{name}_low"], row[f"{name}_high"])
                    axes.hlines(y, *ends, color=colour(index), lw=0.9)
                axes.plot(row[name], y, color=colour(index), marker=marker(index), ms=4)
        if name == "pearson" and variant in PAPERS_PEARSON and not known.is_empty():
            axes.plot(PAPERS_PEARSON[variant], place - 0.16, **_PAPER)


def _legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], color=colour(i), marker=marker(i), ms=4, lw=0.9, label=words)
        for i, words in enumerate(FORMS.values())
    ]
    handles.append(Line2D([], [], **_PAPER, label="the paper's, on its data"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
