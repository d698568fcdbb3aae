"""Which direction of the word embeddings goes with the words' rarity."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from relevance_neurons.report.figures.style import (
    GREY,
    PANEL_WIDTH,
    bottom_legend,
    colour,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.tables.formats import number
from relevance_neurons.report.tables.methods import p_text

_HEIGHT = 2.1


@styled
def idf_components_figure(
    components: pl.DataFrame, collections: Sequence[str], significance: float = 0.05
) -> Figure:
    """|correlation| of every component with IDF, a panel a collection, the found one marked.

    ``components``: as the contract has idf_components. In the band lies the null's level, above
    which a component stands out of what the largest of all gives under permuted IDF: the band goes
    from the largest that does not to the smallest that does.
    """
    panels = panels_of(collections, _HEIGHT)
    for axes, collection in zip(panels.axes, collections, strict=True):
        own = components.filter(collection=collection).drop_nulls("correlation")
        words = f": {own['n_words'].max():,} words" if not own.is_empty() else ""
        axes.set_title(f"{collection}{words}")
        axes.grid(True, axis="y")
        axes.set_xlabel("component (0: largest singular value)")
        axes.set_ylabel("|correlation| with IDF")
        if own.is_empty():
            note(axes, "no words to correlate")
            continue
        size = own["correlation"].abs()
        axes.vlines(own["component"], 0, size, color=GREY, lw=0.6, label="every component")
        _mark_found(axes, own.filter(pl.col("is_found")))
        _draw_level(axes, own, significance)
        axes.set_ylim(0, 1.25 * max(size.max(), 1e-6))
    bottom_legend(panels, n_columns=3 if len(collections) > 1 else 2)
    return panels


def panels_of(names: Sequence[str], height: float) -> Figure:
    """A figure with a panel a name, two beside each other, ``height`` inches each."""
    n_columns = min(2, max(1, len(names)))
    n_rows = ceil(max(1, len(names)) / n_columns)
    width = PANEL_WIDTH * (1.4 if n_columns == 1 else 2)
    figure = new_figure(width, height * n_rows + 0.5)
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in grid.flat[max(1, len(names)) :]:
        axes.remove()
    return figure


def _mark_found(axes: Axes, found: pl.DataFrame) -> None:
    for row in found.iter_rows(named=True):
        x, y = row["component"], abs(row["correlation"])
        axes.plot(x, y, color=colour(1), marker="o", ls="", label="found")
        p = p_text(row["p_value"])
        text = f"{x}: r = {number(row['correlation'], 2)}, p {p if p[0] == '<' else '= ' + p}"
        is_right = x > sum(axes.get_xlim()) / 2  # its text goes to the left, into the panel
        place = {"xytext": (-6 if is_right else 6, 3), "ha": "right" if is_right else "left"}
        axes.annotate(text, (x, y), **place, textcoords="offset points", fontsize=7.5)


def _draw_level(axes: Axes, rows: pl.DataFrame, significance: float) -> None:
    size, is_above = rows["correlation"].abs(), rows["p_value"] <= significance
    above, below = size.filter(is_above), size.filter(~is_above)
    if above.is_empty():
        note(axes, f"none stands out at p ≤ {significance:g}", y=0.93)
        return
    text = f"p = {significance:g} lies here (largest of all under permuted IDF)"
    ends = (below.max() or 0.0, above.min())
    look = {"fc": to_rgba(colour(0), 0.2), "ec": to_rgba(colour(0), 0.8), "lw": 0.8}
    axes.axhspan(*ends, **look, zorder=3, label=text)
