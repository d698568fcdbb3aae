"""Do the selected neurons sit in the found heads? What they share beside chance."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from relevance_neurons.report.figures.patch_maps import empty_figure
from relevance_neurons.report.figures.style import (
    DARK_GREY,
    LIGHT_GREY,
    PANEL_WIDTH,
    colour,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.names import of_own_method, scheme_label
from relevance_neurons.report.tables.stability import usual_level

COMPONENTS = ("value", "attention_output", "query", "key")
KINDS = {"matching": "matching heads", "relevance": "relevance heads"}
_ROW, _LEAST = 0.2, 1.0
"""Inches: a scheme, and a panel with its name beside it."""


@styled
def head_overlaps_figure(
    overlaps: pl.DataFrame, significance: float = 0.05, top_percent: float | None = None
) -> Figure:
    """Neurons that schemes share with the found heads, as a multiple of what chance would give.

    ``overlaps``: as the contract has head_overlaps; schemes of the study's own method, at
    ``top_percent`` (by default the study's level closest to 1 %). Above matching, below relevance
    heads; a column a component. The bar is chance's 95 % interval, 1 its mean; a marker is filled
    at p ≤ ``significance``, not corrected.
    """
    own = overlaps.filter(pl.col("scheme").is_in(of_own_method(overlaps["scheme"])))
    if own.is_empty():
        return empty_figure("no head was found, or no neuron selected")
    level = usual_level(own["top_percent"].unique()) if top_percent is None else top_percent
    rows = own.filter(top_percent=level)
    schemes = rows["scheme"].unique(maintain_order=True).to_list()
    components = [one for one in COMPONENTS if one in set(rows["component"])]
    figure = new_figure(2 * PANEL_WIDTH, 2 * (max(_LEAST, _ROW * len(schemes)) + 0.4) + 1)
    shape = (len(KINDS), len(components))
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    for panels, (kind, words) in zip(grid, KINDS.items(), strict=True):
        for axes, component in zip(panels, components, strict=True):
            axes.set_title(component.replace("_", " "))
            _draw(axes, rows.filter(kind=kind, component=component), schemes, significance)
        panels[0].set_ylabel(words)
    grid[0, 0].set_yticks(range(len(schemes)), map(scheme_label, schemes))
    grid[0, 0].set_ylim(len(schemes) - 0.5, -0.5)
    grid[0, 0].set_xlim(left=0)
    for axes in grid[-1]:
        axes.set_xlabel("times chance")
    title = f"neurons of the top {level:g} % that are of found heads, as a multiple of chance"
    figure.suptitle(title, fontsize=8)
    _legend(figure, significance)
    return figure


def _draw(axes: Axes, rows: pl.DataFrame, schemes: list[str], significance: float) -> None:
    axes.grid(True, axis="x")
    axes.axvline(1, color="black", lw=0.6)
    if not rows["n_heads_neurons"].sum():
        note(axes, "no such head\nwas found")
        return
    for row in rows.iter_rows(named=True):
        y, expected = schemes.index(row["scheme"]), row["expected"]
        if not expected:
            axes.text(0, y, " none selected", va="center", fontsize=7, color=DARK_GREY)
            continue
        low, high = (row[f"expected_{end}"] for end in ("low", "high"))
        if low is not None and high is not None:
            width = (high - low) / expected
            axes.barh(y, width, 0.7, left=low / expected, color=LIGHT_GREY, lw=0)
        p = row["p_value"]
        face = colour(0) if p is not None and p <= significance else "white"
        look = {"color": colour(0), "marker": "o", "mfc": face, "ms": 4, "clip_on": False}
        axes.plot(row["shared"] / expected, y, **look, zorder=3)


def _legend(figure: Figure, significance: float) -> None:
    plain = {"color": colour(0), "ls": "", "marker": "o", "ms": 4}
    handles = [
        Line2D([], [], **plain, label=f"shared, p ≤ {significance:g}"),
        Line2D([], [], **plain, mfc="white", label=f"shared, p > {significance:g}"),
        Patch(color=LIGHT_GREY, label="95 % interval of chance"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
