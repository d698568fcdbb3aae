"""Do the tokens of query and passage overlap more in passages at the top? Figure 2 of paper 004."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relevance_neurons.report.figures.style import (
    PANEL_WIDTH,
    bottom_legend,
    colour,
    marker,
    new_figure,
    styled,
)
from relevance_neurons.report.names import EVERY
from relevance_neurons.report.tables.formats import NOTHING, number

_TOKENS = {"important": "important tokens", "all": "all tokens"}


@styled
def token_overlaps_figure(overlaps: pl.DataFrame, correlations: pl.DataFrame) -> Figure:
    """Jaccard index of query and passage against the passage's rank, a panel a set of tokens.

    ``overlaps``, ``correlations``: as the contract has token_overlaps and
    token_overlap_correlations. A line a collection, in black the mean over several; the band is the
    95 % interval over queries of the mean (of the collection, if there is one alone). In the title
    Spearman's correlation of these means with the rank, with its interval over queries.
    """
    figure = new_figure(2 * PANEL_WIDTH, 2.9)
    names = [one for one in overlaps["collection"].unique(maintain_order=True) if one != EVERY]
    shown = EVERY if EVERY in set(overlaps["collection"]) else (names or [EVERY])[0]
    panels = figure.subplots(1, 2, sharex=True)
    for letter, axes, (tokens, title) in zip("ab", panels, _TOKENS.items(), strict=True):
        of = correlations.filter(tokens=tokens, collection=shown, passages="all")
        axes.set_title(f"({letter}) {title}, {_correlation(of)}")
        axes.grid(True)
        axes.set_xlabel("rank of the passage")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for index, name in enumerate(names):
            look = {"color": colour(index), "marker": marker(index), "ms": 2.5, "lw": 0.9}
            _draw(axes, overlaps.filter(collection=name), tokens, name == shown, look, name)
        if shown == EVERY and names:
            look = {"color": "black", "lw": 1.6}
            _draw(axes, overlaps.filter(collection=EVERY), tokens, True, look, "mean of all")
    panels[0].set_ylabel("Jaccard index")
    bottom_legend(figure, n_columns=4)
    return figure


def _draw(
    axes: Axes, rows: pl.DataFrame, tokens: str, with_band: bool, look: dict, label: str
) -> None:
    rows = rows.sort("rank")
    name = f"jaccard_{tokens}"
    if with_band:
        ends = [rows[f"{name}_{end}"].fill_null(np.nan) for end in ("low", "high")]
        axes.fill_between(rows["rank"], *ends, color=look["color"], alpha=0.15, lw=0)
    axes.plot(rows["rank"], rows[name], **look, label=label)


def _correlation(rows: pl.DataFrame) -> str:
    if rows.is_empty() or rows["spearman"][0] is None:
        return "too few ranks for a correlation"
    values = [number(rows[name][0], 2) for name in ("spearman", "ci_low", "ci_high")]
    return f"ρ = {values[0]}" + ("" if values[1] == NOTHING else f" [{values[1]}, {values[2]}]")
