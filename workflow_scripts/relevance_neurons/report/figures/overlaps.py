"""The paper's figures 2 and 3: which neurons the collections share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from relevance_neurons.report.figures.style import (
    GREY,
    LIGHT_GREY,
    MIDDLE_GREY,
    PANEL_WIDTH,
    bottom_legend,
    colour,
    marker,
    new_figure,
    note,
    percent_axes,
    styled,
)
from relevance_neurons.report.names import of_method

LABELS = {"relevant": "relevant", "non_relevant": "non-relevant"}
DIFFERENCES = {"difference": "difference"}
"""The one label of a method whose target lies within a query."""
_TOP = "top % of all neurons"
_SHARED = "shared neurons (%)"
_MARK_EVERY = 5


@styled
def figure2(
    overlaps: pl.DataFrame,
    in_domain: Sequence[str],
    outliers: Sequence[str],
    method: str | None = None,
) -> Figure:
    """Neurons that two collections share, per label, with and without the outlier collections.

    ``overlaps``: kind, label, collections, top_percent, shared_percent, expected_percent,
    n_selected, expected_low, expected_high; ``method``: whose maps, where there are several. A
    solid curve is an in-domain and an out-of-domain collection; out-of-domain pairs are a grey band
    (lowest to highest) with their mean dashed; chance is dotted, in a band of its 95 % interval.
    """
    overlaps = of_one_method(overlaps, method)
    labels = labels_of(overlaps)
    pairs = overlaps.filter(kind="pair").with_columns(
        n_in=_n_common("collections", in_domain),
        n_outliers=_n_common("collections", outliers),
        pair=pl.col("collections").list.join(" × "),
    )
    curves = pairs.filter(n_in=1)["pair"].unique().sort().to_list()
    figure = new_figure(2 * PANEL_WIDTH, 0.6 + 2.6 * len(labels))
    grid = figure.subplots(len(labels), 2, sharex=True, sharey=True, squeeze=False)
    for row, label in enumerate(labels):
        of_label = pairs.filter(label=label)
        _pair_panel(grid[row, 0], of_label, curves, f"({'ac'[row]}) {labels[label]} neurons")
        names = ", ".join(outliers) if 0 < len(", ".join(outliers)) <= 26 else "outliers"
        title = f"({'bd'[row]}) {labels[label]} neurons, without {names}"
        if outliers:
            kept = of_label.filter(n_outliers=0)
            _pair_panel(grid[row, 1], kept, curves, title)
            if 0 < kept.height == of_label.height:
                same = f"as ({'ac'[row]}): no judged {labels[label]} pairs there"
                note(grid[row, 1], same, x=0.97, y=0.95, ha="right")
        else:
            grid[row, 1].set_title(title)
            note(grid[row, 1], "the study names no outliers")
    for axes in grid[-1]:
        axes.set_xlabel(_top_label(overlaps))
    for axes in grid[:, 0]:
        axes.set_ylabel(_SHARED)
    bottom_legend(figure, n_columns=3)
    return figure


def _pair_panel(axes: Axes, pairs: pl.DataFrame, curves: Sequence[str], title: str) -> None:
    axes.set_title(title)
    percent_axes(axes)
    if pairs.is_empty():
        note(axes, "no two collections with such pairs")
        return
    out = pairs.filter(n_in=0)
    if out.is_empty():
        note(axes, "fewer than two out-of-domain collections", y=0.93)
    else:
        pairs_band(axes, out, "out-of-domain pairs")
    for index, pair in enumerate(curves):
        shared_curve(axes, pairs.filter(pair=pair), index, "-", pair)
    _chance(axes, pairs)


@styled
def figure3(overlaps: pl.DataFrame, method: str | None = None) -> Figure:
    """Intersections of all and of the out-of-domain collections, and of a collection's labels.

    ``overlaps``, ``method`` as in ``figure2``. Panels (a) and (b), one a label: solid for all
    collections, dashed for the out-of-domain ones, each with and without the outliers. Panel (c):
    the neurons that both labels of one collection share. Chance is dotted, in a band of its 95 %
    interval; in (a) and (b) that of the intersection of the fewest collections, the highest.
    """
    overlaps = of_one_method(overlaps, method)
    labels = labels_of(overlaps)
    figure = new_figure(2 * PANEL_WIDTH, 3.5)
    if len(labels) == 1:  # no two labels to compare
        grid = [figure.subplots()]
    else:
        grid = figure.subplots(1, 3, sharex=True)
        grid[1].sharey(grid[0])
        _draw_both_labels(grid[2], overlaps.filter(kind="labels"))
    intersections = overlaps.filter(pl.col("kind").str.starts_with("intersection_"))
    for axes, letter, label in zip(grid, "ab", labels, strict=False):
        axes.set_title(f"({letter}) {labels[label]} neurons")
        _percent_axes_up_to(axes, intersections)
        _draw_intersections(axes, intersections.filter(label=label))
        _chance(axes, _fewest(intersections.filter(label=label)))
        _missing(axes, intersections.filter(label=label))
    for axes in grid:
        axes.xaxis.set_major_locator(LogLocator())  # three panels leave no room for more
    grid[len(grid) // 2].set_xlabel(_top_label(overlaps))
    grid[0].set_ylabel(_SHARED)
    bottom_legend(figure, n_columns=3)
    return figure


def of_one_method(overlaps: pl.DataFrame, method: str | None) -> pl.DataFrame:
    """The rows that compare maps of one method with each other."""
    return of_method(overlaps.filter(pl.col("kind") != "methods"), method)


def labels_of(frame: pl.DataFrame) -> dict[str, str]:
    """The labels to draw, with their words: a method has both of the paper's, or differences."""
    return DIFFERENCES if set(frame["label"]) == set(DIFFERENCES) else LABELS


def _draw_both_labels(axes: Axes, overlaps: pl.DataFrame) -> None:
    axes.set_title("(c) relevant ∩ non-relevant")
    labels = overlaps.with_columns(pl.col("collections").list.first())
    _percent_axes_up_to(axes, labels)
    for index, collection in enumerate(labels["collections"].unique().sort()):
        curve = labels.filter(collections=collection)
        shared_curve(axes, curve, 2 + index, "-", f"(c) {collection}", lw=0.9)
    _chance(axes, labels)
    if labels.is_empty():
        note(axes, "no collection with both labels")


def _draw_intersections(axes: Axes, intersections: pl.DataFrame) -> None:
    for index, suffix in enumerate(("", "_without_outliers")):
        # Where no outlier has the label, both curves are equal: the thick one shows behind.
        width = 1.0 if suffix else 2.2
        for scope, line, words in (("all", "-", "∩ all"), ("out", "--", "∩ out-of-domain")):
            curve = intersections.filter(kind=f"intersection_{scope}{suffix}")
            shared_curve(axes, curve, index, line, words + suffix.replace("_", " "), lw=width)


def _fewest(intersections: pl.DataFrame) -> pl.DataFrame:
    """The rows of the intersection of the fewest collections."""
    n_collections = pl.col("collections").list.len()
    return intersections.filter(n_collections == n_collections.min())


def pairs_band(axes: Axes, pairs: pl.DataFrame, text: str) -> None:
    """What pairs of maps share: a grey band from the lowest to the highest, their mean dashed."""
    band = _by_level(pairs)
    edges = (band["top_percent"], band["low"], band["high"])
    axes.fill_between(*edges, color=LIGHT_GREY, lw=0, label=f"{text}, range")
    axes.plot(*_xy(band, "mean"), "--", color=GREY, label=f"{text}, mean")


def _chance(axes: Axes, overlaps: pl.DataFrame) -> None:
    """What as many independent random maps share; ``overlaps`` compare equally many maps."""
    if overlaps.is_empty():
        return
    levels = _by_level(overlaps)
    band = (levels["top_percent"], levels["expected_low"], levels["expected_high"])
    axes.fill_between(*band, color=MIDDLE_GREY, lw=0, label="chance, 95 % interval")
    axes.plot(*_xy(levels, "expected"), ":", color="black", lw=1, label="chance, mean")


def _percent_axes_up_to(axes: Axes, overlaps: pl.DataFrame) -> None:
    """Axes that end at the next ten above the highest curve."""
    percent_axes(axes, 10 * np.ceil((overlaps["shared_percent"].max() or 100) / 10))


def shared_curve(
    axes: Axes, curve: pl.DataFrame, index: int, line: str, label: str, **style: float
) -> None:
    """shared_percent over the levels, as curve number ``index``; none where there are no rows."""
    if curve.height:
        style |= {"color": colour(index), "marker": marker(index), "label": label}
        style |= {"markevery": (index % _MARK_EVERY, _MARK_EVERY)}
        axes.plot(*_xy(curve.sort("top_percent")), line, **style)


def _missing(axes: Axes, intersections: pl.DataFrame) -> None:
    """Say which curves of a panel of figure 3 the study cannot have."""
    kinds = set(intersections["kind"])
    if not kinds:
        note(axes, "no two collections\nwith such pairs")
        return
    lines = []
    if "intersection_out" not in kinds:
        lines.append("fewer than two\nout-of-domain collections")
    if not any(kind.endswith("without_outliers") for kind in kinds):
        lines.append("no outliers left out")
    if lines:
        note(axes, "\n".join(lines), x=0.97, y=0.97, ha="right", va="top")


def _top_label(overlaps: pl.DataFrame) -> str:
    """The label of the x-axis, with the number of neurons at its ends: few are coarse."""
    if overlaps.is_empty():
        return _TOP
    fewest, most = overlaps["n_selected"].min(), overlaps["n_selected"].max()
    return f"{_TOP} ({fewest:,} to {most:,})"


def _n_common(column: str, names: Sequence[str]) -> pl.Expr:
    """How many of the column's list are in ``names``."""
    return pl.col(column).list.eval(pl.element().is_in(list(names))).list.sum()


def _by_level(overlaps: pl.DataFrame) -> pl.DataFrame:
    shared = pl.col("shared_percent")
    return (
        overlaps.group_by("top_percent")
        .agg(
            low=shared.min(),
            mean=shared.mean(),
            high=shared.max(),
            expected=pl.col("expected_percent").max(),
            expected_low=pl.col("expected_low").max(),
            expected_high=pl.col("expected_high").max(),
        )
        .sort("top_percent")
    )


def _xy(frame: pl.DataFrame, column: str = "shared_percent") -> tuple[pl.Series, pl.Series]:
    return frame["top_percent"], frame[column]
