"""What two halves of a map's own pairs share of their tops, beside what two collections share."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relevance_neurons.report.figures.overlaps import (
    labels_of,
    of_one_method,
    pairs_band,
    shared_curve,
)
from relevance_neurons.report.figures.style import (
    PANEL_WIDTH,
    bottom_legend,
    new_figure,
    note,
    percent_axes,
    styled,
)
from relevance_neurons.report.names import of_method


@styled
def stability_figure(
    split_halves: pl.DataFrame, overlaps: pl.DataFrame, method: str | None = None
) -> Figure:
    """What halves of a map share over levels, beside what collections share; a panel per label.

    ``split_halves``: collection, label, top_percent, halving, n_pairs_half, shared_percent.
    ``overlaps``: kind, label, collections, top_percent, shared_percent, expected_percent;
    ``method``: whose maps, where there are several. A curve is the mean over the halvings of a
    collection's pairs; the grey band is every two collections, lowest to highest, with their mean
    dashed; chance is dotted.
    """
    split_halves, overlaps = of_method(split_halves, method), of_one_method(overlaps, method)
    labels = labels_of(split_halves)
    figure = new_figure(2 * PANEL_WIDTH, 3.5)
    collections = split_halves["collection"].unique(maintain_order=True).to_list()
    panels = figure.subplots(1, len(labels), sharex=True, sharey=True, squeeze=False)[0]
    for axes, letter, label in zip(panels, "ab", labels, strict=False):
        axes.set_title(f"({letter}) {labels[label]} neurons")
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
