"""[CLS] and [SEP] over the layers: figures 4 and 7 of paper 004."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relevance_neurons.report.figures.style import (
    DARK_GREY,
    GREY,
    PANEL_WIDTH,
    bottom_legend,
    colour,
    marker,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.names import over_collections

_PARTS = {
    "cls": "[CLS], before the query",
    "sep1": "[SEP], between query and passage",
    "sep2": "[SEP], after the passage",
}
"""Or what else a ranker puts there."""
_WORDS = {"query": ("query's tokens", DARK_GREY, ":"), "passage": ("passage's tokens", GREY, "--")}


@styled
def special_tokens_figure(parts: pl.DataFrame, method: str) -> Figure:
    """Score and weight of the special tokens at every layer, of ``method``.

    ``parts``: as the contract has special_tokens; means over collections, bands: 95 % intervals
    over queries. On the left the mean score of a token, scaled to 0–1 over its pair (in grey that
    of the query's and the passage's tokens); on the right the special tokens' share of all scores.
    """
    own = over_collections(parts).filter(method=method).drop_nulls("layer")
    figure = new_figure(2 * PANEL_WIDTH, 2.9)
    left, right = figure.subplots(1, 2, sharex=True)
    for part, (label, shade, line) in _WORDS.items():
        rows = own.filter(part=part).sort("layer")
        left.plot(rows["layer"], rows["scaled"], color=shade, ls=line, label=label)
    for axes, column, factor in ((left, "scaled", 1), (right, "weight", 100)):
        axes.grid(True)
        axes.set_xlabel("layer")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for index, (part, label) in enumerate(_PARTS.items()):
            _draw(axes, own.filter(part=part).sort("layer"), column, factor, index, label)
        axes.set_ylim(bottom=0)
        if own.is_empty():
            note(axes, "the method has no layers")
    left.set_title("(a) score")
    left.set_ylabel("mean score, scaled to 0–1")
    right.set_title("(b) weight")
    right.set_ylabel("share of all scores (%)")
    bottom_legend(figure, n_columns=3)
    return figure


def _draw(
    axes: Axes, rows: pl.DataFrame, column: str, factor: float, index: int, label: str
) -> None:
    if rows.is_empty():  # rankers without such a token
        return
    ends = [factor * rows[f"{column}_{end}"].fill_null(np.nan) for end in ("low", "high")]
    axes.fill_between(rows["layer"], *ends, color=colour(index), alpha=0.18, lw=0)
    look = {"color": colour(index), "marker": marker(index), "ms": 2.8}
    axes.plot(rows["layer"], factor * rows[column], **look, label=label)
