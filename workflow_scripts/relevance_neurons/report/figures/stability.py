"""What two halves of a map's own pairs share of their tops, beside what two collections share."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relevance_neurons.report.figures.overlaps import LABELS, pairs_band, shared_curve
from relevance_neurons.report.figures.style import (
    PANEL_WIDTH,
    bottom_legend,
    new_figure,
    note,
    percent_axes,
    styled,
)


@styled
def stability_figure(split_halves: pl.DataFrame, overlaps: pl.DataFrame) -> Figure:
    """What halves of a map share over levels, beside what collections share; a panel per label.

    ``split_halves``: collection, label, top_percent, halving, n_pairs_half, shared_percent.
    ``overlaps``: kind, label, collections, top_percent, shared_percent, expected_percent. A curve
    is the mean over the halvings of a collection's pairs; the grey band is every two collections,
    lowest to highest, with their mean dashed; chance is dotted.
    """
    figure = new_figure(2 * PANEL_WIDTH, 3.5)
    collections = split_halves["collection"].unique(maintain_order=True).to_list()
    for axes, (letter, label) in zip(
        figure.subplots(1, 2, sharex=True, sharey=True), zip("ab", LABELS, strict=True), strict=True
    ):
        axes.set_title(f"({letter}) {LABELS[label]} neurons")
        axes.set_xlabel("neurons selected (top % of all)")
        percent_axes(axes)
        pairs = overlaps.filter(kind="pair", label=label)
        if pairs.height:
            pairs_band(axes, pairs, "two collections")
        halves = split_halves.filter(label=label)
        if halves.is_empty():
            note(axes, "no halves of such pairs")
        for index, collection in enumerate(collections):
            own = halves.filter(collection=collection).group_by("top_percent")
            curve = own.agg(pl.col("shared_percent").mean())
            shared_curve(axes, curve, index, "-", f"two halves of {collection}")
        _draw_chance(axes, overlaps)
    figure.axes[0].set_ylabel("shared neurons (%)")
    bottom_legend(figure, n_columns=3)
    return figure


def _draw_chance(axes: Axes, overlaps: pl.DataFrame) -> None:
    """Two random tops: what any two maps, of two collections or two labels, have by chance."""
    two = overlaps.filter(pl.col("kind").is_in(["pair", "labels"]))
    if two.is_empty():
        return
    chance = two.group_by("top_percent").agg(pl.col("expected_percent").max()).sort("top_percent")
    axes.plot(
        *(chance["top_percent"], chance["expected_percent"]), ":", color="black", label="chance"
    )
