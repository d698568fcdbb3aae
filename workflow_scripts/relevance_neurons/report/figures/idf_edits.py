"""What moving a term along the direction of rarity does to the score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relevance_neurons.report.figures.idf_components import panels_of
from relevance_neurons.report.figures.style import (
    GREY,
    MIDDLE_GREY,
    bottom_legend,
    colour,
    marker,
    note,
    styled,
)
from relevance_neurons.report.tables.formats import number
from relevance_neurons.report.tables.methods import p_text

_LINES = {"component": "the component of IDF", "scaled_row": "the whole row scaled"}
_RANDOM = "random directions"


@styled
def idf_edits_figure(edits: pl.DataFrame, collections: Sequence[str]) -> Figure:
    """Change of the logit against the dose, a panel a collection.

    ``edits``: as the contract has idf_edits. A dose is in standard deviations of the component over
    the vocabulary, towards rarer words; bars: 95 % intervals; grey: random directions of the same
    size (the range of single ones, where the table has it). In the title the component's slope.
    """
    figure = panels_of(collections, 2.4)
    for axes, collection in zip(figure.axes, collections, strict=True):
        own = edits.filter(collection=collection)
        axes.set_title(f"{collection}{_slope(own)}")
        axes.grid(True)
        axes.set(xlabel="dose (standard deviations, + rarer)", ylabel="change of the logit")
        doses = own.drop_nulls(["dose", "change"]).sort("dose")
        if doses.is_empty():
            note(axes, "no component was found, or no term could be moved")
            continue
        axes.axhline(0, color="black", lw=0.6)
        _draw_random(axes, doses.filter(kind="random"))
        for index, (kind, words) in enumerate(_LINES.items()):
            _draw_line(axes, doses.filter(kind=kind), index, words)
    bottom_legend(figure, n_columns=3)
    return figure


def _slope(rows: pl.DataFrame) -> str:
    found = rows.filter(pl.col("dose").is_null(), kind="component").drop_nulls("change")
    if found.is_empty():
        return ""
    row = found.row(0, named=True)
    p = "" if row["p_value"] is None else f", p {_equals(p_text(row['p_value']))}"
    return f": slope {number(row['change'], 3)} a deviation{p}"


def _equals(text: str) -> str:
    return text if text.startswith("<") else f"= {text}"


def _ends(rows: pl.DataFrame, low: str = "ci_low", high: str = "ci_high") -> list[pl.Series]:
    return [rows[name].cast(pl.Float64).fill_null(np.nan) for name in (low, high)]


def _draw_random(axes: Axes, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        return
    single = ("lowest_direction", "highest_direction")
    ends = _ends(rows, *single) if set(single) <= set(rows.columns) else _ends(rows)
    axes.fill_between(rows["dose"], *ends, color=MIDDLE_GREY, alpha=0.5, lw=0)
    axes.plot(rows["dose"], rows["change"], color=GREY, ls="--", label=_RANDOM)


def _draw_line(axes: Axes, rows: pl.DataFrame, index: int, words: str) -> None:
    if rows.is_empty():
        return
    axes.vlines(rows["dose"], *_ends(rows), color=colour(index), lw=0.9)
    look = {"color": colour(index), "marker": marker(index)}
    axes.plot(rows["dose"], rows["change"], **look, label=words)
