"""The paper's figures 2 to 4: which neurons the collections share, and where they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relevance_neurons.errors import UserError
from relevance_neurons.figure_style import (
    GREY,
    LIGHT_GREY,
    PANEL_WIDTH,
    bottom_legend,
    colour,
    marker,
    new_figure,
    note,
    percent_axes,
    styled,
)

LABELS = {"relevant": "relevant", "non_relevant": "non-relevant"}
_TOP = "neurons selected (top % of all)"
_SHARED = "shared neurons (%)"
_MARK_EVERY = 5


@styled
def figure2(overlaps: pl.DataFrame, in_domain: Sequence[str], outliers: Sequence[str]) -> Figure:
    """Neurons that two collections share, per label, with and without the outlier collections.

    ``overlaps``: kind, label, collections, top_percent, shared_percent, expected_percent.
    A solid curve is an in-domain and an out-of-domain collection; out-of-domain pairs are a grey
    band (lowest to highest) with their mean dashed; chance is dotted.
    """
    pairs = overlaps.filter(kind="pair").with_columns(
        n_in=_n_common("collections", in_domain),
        n_outliers=_n_common("collections", outliers),
        pair=pl.col("collections").list.join(" × "),
    )
    curves = pairs.filter(n_in=1)["pair"].unique().sort().to_list()
    figure = new_figure(2 * PANEL_WIDTH, 5.8)
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    for row, label in enumerate(LABELS):
        of_label = pairs.filter(label=label)
        _pair_panel(grid[row, 0], of_label, curves, f"({'ac'[row]}) {LABELS[label]} neurons")
        names = ", ".join(outliers) if 0 < len(", ".join(outliers)) <= 26 else "outliers"
        title = f"({'bd'[row]}) {LABELS[label]} neurons, without {names}"
        if outliers:
            _pair_panel(grid[row, 1], of_label.filter(n_outliers=0), curves, title)
        else:
            grid[row, 1].set_title(title)
            note(grid[row, 1], "the study names no outliers")
    for axes in grid[1]:
        axes.set_xlabel(_TOP)
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
        band = _by_level(out)
        axes.fill_between(
            *(band["top_percent"], band["low"], band["high"]),
            color=LIGHT_GREY,
            lw=0,
            label="out-of-domain pairs, range",
        )
        axes.plot(*_xy(band, "mean"), "--", color=GREY, label="out-of-domain pairs, mean")
    for index, pair in enumerate(curves):
        _curve(axes, pairs.filter(pair=pair), index, "-", pair)
    axes.plot(*_xy(_by_level(pairs), "expected"), ":", color="black", label="chance")


@styled
def figure3(overlaps: pl.DataFrame) -> Figure:
    """Intersections of all and of the out-of-domain collections, and of a collection's labels.

    ``overlaps`` as in ``figure2``. A colour is a label with or without the outliers: dashed for
    the out-of-domain collections, solid for all. Thin grey dotted curves are the neurons that
    both labels of one collection share. Chance is black: dotted for these, dash-dotted for the
    intersections (that of the fewest collections, the highest).
    """
    figure = new_figure(2 * PANEL_WIDTH, 3.4)
    axes = figure.subplots()
    highest = overlaps.filter(pl.col("kind") != "pair")["shared_percent"].max()
    percent_axes(axes, 10 * np.ceil((highest or 100) / 10))
    axes.set(xlabel=_TOP, ylabel=_SHARED)
    intersections = overlaps.filter(pl.col("kind").str.starts_with("intersection_"))
    labels = overlaps.filter(kind="labels").with_columns(pl.col("collections").list.first())
    _draw_intersections(axes, intersections)
    for position, collection in enumerate(labels["collections"].unique().sort()):
        curve = labels.filter(collections=collection).sort("top_percent")
        text = "_" if position else "relevant ∩ non-relevant, each collection"
        axes.plot(*_xy(curve), ":", color=GREY, lw=0.8, label=text)
    for of, line, text in ((labels, ":", "two labels"), (intersections, "-.", "intersections")):
        if of.height:
            style = {"color": "black", "lw": 1, "label": f"chance, {text}"}
            axes.plot(*_xy(_by_level(of), "expected"), line, **style)
    _missing(axes, overlaps)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside right center")
    return figure


def _draw_intersections(axes: Axes, intersections: pl.DataFrame) -> None:
    groups = [(label, suffix) for label in LABELS for suffix in ("", "_without_outliers")]
    for index, (label, suffix) in enumerate(groups):
        # Where no outlier has the label, both curves are equal: the thick one shows behind.
        width = 1.0 if suffix else 2.0
        for scope, line, words in (("out", "--", "∩ out-of-domain"), ("all", "-", "∩ all")):
            curve = intersections.filter(kind=f"intersection_{scope}{suffix}", label=label)
            text = f"{LABELS[label]}, {words}{suffix.replace('_', ' ')}"
            _curve(axes, curve, index, line, text, lw=width)


def _curve(
    axes: Axes, curve: pl.DataFrame, index: int, line: str, label: str, **style: float
) -> None:
    if curve.height:
        style |= {"color": colour(index), "marker": marker(index), "label": label}
        style |= {"markevery": (index % _MARK_EVERY, _MARK_EVERY)}
        axes.plot(*_xy(curve.sort("top_percent")), line, **style)


def _missing(axes: Axes, overlaps: pl.DataFrame) -> None:
    """Say which curves of figure 3 the study cannot have."""
    kinds, labels = set(overlaps["kind"]), set(overlaps["label"])
    lines = []
    if "non_relevant" not in labels:
        lines.append("no judged non-relevant pairs")
    if "intersection_out" not in kinds:
        lines.append("fewer than two out-of-domain collections")
    if not any(kind.endswith("without_outliers") for kind in kinds):
        lines.append("no outliers left out")
    if lines:
        note(axes, "\n".join(lines), x=0.02, y=0.97, ha="left", va="top")


@styled
def figure4(
    schemes: pl.DataFrame, scheme: str, top_percent: float, components: Sequence[str]
) -> Figure:
    """Number of the scheme's neurons in each layer, stacked by component.

    ``schemes``: scheme, top_percent, layer, component, neuron; the layers go up to the highest
    one of any scheme. ``components`` gives the order, from the bottom.

    Raises ``UserError`` if the study has no such scheme or level, and ``ValueError`` if the scheme
    has a component that ``components`` lacks.
    """
    for column, value in (("scheme", scheme), ("top_percent", top_percent)):
        found = schemes[column].unique().sort().to_list()
        if value not in found:
            raise UserError(f"figure 4: found {column} {value}, allowed: {found}")
    chosen = schemes.filter(scheme=scheme, top_percent=top_percent)
    if not set(chosen["component"]) <= set(components):
        raise ValueError(f"components: found {sorted(set(chosen['component']))} in the scheme")
    layers = np.arange(schemes["layer"].max() + 1)
    figure = new_figure(2 * PANEL_WIDTH, 2.9)
    axes = figure.subplots()
    axes.set_title(f"{scheme}, top {top_percent:g} % ({chosen.height:,} neurons)")
    axes.set(xlabel="layer (0: nearest to the input)", ylabel="selected neurons")
    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=24))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True, axis="y")
    _stack(axes, chosen, layers, components)
    if chosen.is_empty():
        note(axes, "the scheme is empty at this level")
    handles, texts = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], texts[::-1], loc="outside right center")
    return figure


def _stack(axes: Axes, chosen: pl.DataFrame, layers: np.ndarray, components: Sequence[str]) -> None:
    bottom = np.zeros(len(layers))
    for index, component in enumerate(components):
        counts = np.bincount(chosen.filter(component=component)["layer"], minlength=len(layers))
        text = f"{component} ({counts.sum():,})"
        axes.bar(layers, counts, bottom=bottom, color=colour(index), label=text, width=0.8)
        bottom += counts
    axes.set_ylim(0, 1.05 * max(1, bottom.max()))


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
        )
        .sort("top_percent")
    )


def _xy(frame: pl.DataFrame, column: str = "shared_percent") -> tuple[pl.Series, pl.Series]:
    return frame["top_percent"], frame[column]
