"""What another order of the sentences does to a ranking: table 3 of paper 004 as differences."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from relevance_neurons.report.figures.style import (
    DARK_GREY,
    PANEL_WIDTH,
    colour,
    marker,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.names import MEASURES, over_collections

ORDERS = {"swapped": "first two swapped", "shuffled": "shuffled", "reversed": "reversed"}
_STEP = 0.22


@styled
def sentence_order_figure(orders: pl.DataFrame, significance: float = 0.05) -> Figure:
    """Each measure's difference to the original order, with its 95 % interval over queries.

    ``orders``: the table sentence_order_summary; the mean over collections. A marker is filled
    where the difference stands at ``significance`` after Holm's correction over the table.
    """
    rows = over_collections(orders)
    measures = [one for one in MEASURES if one in set(rows["measure"])]
    measures += [one for one in rows["measure"].unique().sort() if one not in measures]
    figure = new_figure(1.3 * PANEL_WIDTH, 0.9 + 0.36 * max(1, len(measures)))
    axes = figure.subplots()
    axes.axvline(0, color="black", lw=0.6)
    axes.grid(True, axis="x")
    shown = [one for one in ORDERS if one in set(rows["order"])]
    for index, order in enumerate(shown):
        for place, measure in enumerate(measures):
            for row in rows.filter(order=order, measure=measure).iter_rows(named=True):
                y = place + _STEP * (index - (len(shown) - 1) / 2)
                p = row["p_value_holm"]
                face = colour(index) if p is not None and p <= significance else "white"
                look = {"color": colour(index), "marker": marker(index), "mfc": face, "ms": 4.5}
                if row["difference_low"] is not None:
                    axes.hlines(y, row["difference_low"], row["difference_high"], colour(index))
                axes.plot(row["difference"], y, ls="", **look)
    axes.set_yticks(range(len(measures)), [MEASURES.get(one, one) for one in measures])
    axes.set_ylim(len(measures) - 0.5, -0.5)
    axes.set_xlabel("difference to the original order (mean, 95 % interval)")
    if not shown:
        note(axes, "no other order was tried")
    _legend(figure, shown)
    return figure


def _legend(figure: Figure, shown: list[str]) -> None:
    handles = [
        Line2D([], [], color=colour(i), marker=marker(i), ms=4.5, ls="-", label=ORDERS[one])
        for i, one in enumerate(shown)
    ]
    look = {"color": DARK_GREY, "marker": "o", "ms": 4.5, "ls": ""}
    handles.append(Line2D([], [], mfc="white", **look, label="not significant after Holm"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
