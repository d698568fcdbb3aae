"""Rankings of passages without their least important tokens: figure 9 of paper 004."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from relevance_neurons.report.figures.style import (
    PANEL_WIDTH,
    bottom_legend,
    colour,
    marker,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.names import MEASURES, over_collections

FIELDS = {"passage": "of the passage", "both": "of query and passage"}


@styled
def truncated_rankings_figure(rankings: pl.DataFrame, measure: str = "RR") -> Figure:
    """The measure against the percent of tokens removed, a line for each of what loses some.

    ``rankings``: the table truncated_rankings_summary; means over collections, bands: 95 %
    intervals over queries. Dotted: whole texts.
    """
    rows = over_collections(rankings).filter(measure=measure)
    figure = new_figure(1.2 * PANEL_WIDTH, 2.7)
    axes = figure.subplots()
    axes.grid(True)
    for index, (fields, label) in enumerate(FIELDS.items()):
        own = rows.filter(fields=fields).sort("kept_percent", descending=True)
        if own.is_empty():
            continue
        ends = [own[f"value_{end}"].fill_null(np.nan) for end in ("low", "high")]
        removed = 100 - own["kept_percent"]
        axes.fill_between(removed, *ends, color=colour(index), alpha=0.18, lw=0)
        look = {"color": colour(index), "marker": marker(index), "ms": 3}
        axes.plot(removed, own["value"], **look, label=label)
    for whole in rows.filter(kept_percent=100)["value"].head(1):
        axes.axhline(whole, color="black", ls=":", lw=0.9, label="whole texts")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tokens removed (%), the least important first")
    axes.set_ylabel(f"{MEASURES.get(measure, measure)}, mean over queries")
    if rows.is_empty():
        note(axes, f"{measure} was not measured")
    bottom_legend(figure, n_columns=3)
    return figure
