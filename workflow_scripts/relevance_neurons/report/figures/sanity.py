"""Figure 1, a real pair along its path, and the figure of the sanity checks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from relevance_neurons.rankers.components import COMPONENTS
from relevance_neurons.report.figures.fonts import find_fonts, fitted, text_width
from relevance_neurons.report.figures.style import (
    DARK_GREY,
    PANEL_WIDTH,
    bottom_legend,
    colour,
    marker,
    new_figure,
    styled,
)
from relevance_neurons.report.names import method_label, of_method
from relevance_neurons.report.tables.formats import MINUS, number

_LABELS = ("relevant", "non_relevant", "difference")
_SAMPLES = ("random", "strong")
_SERIES = {"important": ("-", 1), "unimportant": ("--", 0)}
_ALPHA = "α, from baseline (0) to the pair (1)"
_WIDTH, _TOKEN_WIDTH, _HALF = 6.1, 1.3, 2.8
"""Inches that a text of the pair may take, a token, and an entry of a legend of two columns."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@styled
def figure1(path_example: pl.DataFrame) -> Figure:
    """F, the gradient at two neurons and what they add up to, along a real pair's path.

    ``path_example``: as ``trace_path`` returns it, with label.
    """
    figure = new_figure(2 * PANEL_WIDTH, 2.75)
    first = path_example.row(0, named=True)
    curves = {name: path_example.filter(series=name) for name in _SERIES}
    texts = {name: first[name] for name in ("query", "passage")}
    fonts = find_fonts([*texts.values(), *path_example["token"].unique()])
    lines = [f"{name}: {fitted(figure, text, fonts, 8, _WIDTH)}" for name, text in texts.items()]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=8, color=DARK_GREY)
    left, middle, right = figure.subplots(1, 3)
    important = path_example.filter(series="important")
    left.plot("alpha", "f", data=important, color="black", label="F")
    left.set_title(f"(a) F, {_words(first['label'])}")
    middle.set_title("(b) gradient ∂F/∂y at the token")
    right.set_title("(c) contribution up to α")
    for name, (style, number_of_colour) in _SERIES.items():
        look = {"color": colour(number_of_colour), "ls": style}
        token = fitted(figure, curves[name]["token"][0], fonts, 7.5, _TOKEN_WIDTH)
        look |= {"label": f"{_neuron(curves[name])}, token “{token}”"}
        middle.plot("alpha", "gradient", data=curves[name], **look)
        right.plot("alpha", "contribution", data=curves[name], **look)
    for axes in (left, middle, right):
        axes.set_xlim(0, 1)
        axes.grid(True)
    middle.set_xlabel(_ALPHA)
    handles, labels = middle.get_legend_handles_labels()
    is_wide = max(text_width(figure, label, fonts, 7.5) for label in labels) > _HALF
    figure.legend(handles, labels, loc="outside lower center", ncols=1 if is_wide else 2)
    return figure


@styled
def sanity_figure(
    randomisation: pl.DataFrame,
    single_neurons: pl.DataFrame,
    correlations: pl.DataFrame,
    methods: Sequence[str] | None = None,
) -> Figure:
    """How scores fade with random weights, and scores against true changes.

    ``randomisation``: as ``randomise_layers`` returns it; ``single_neurons``: as
    ``ablate_single_neurons`` does, and ``correlations`` as ``neuron_correlations`` does;
    ``methods``: the study's, its own first. Of one method there is a panel a component (random
    neurons); of several a column a method, a row a sample, with all components.
    """
    first = methods[0] if methods else None
    randomisation = of_method(randomisation, first)
    if methods and len(methods) > 1:
        figure = _of_several_methods(randomisation, single_neurons, correlations, methods)
    else:
        frames = (of_method(one, first) for one in (single_neurons, correlations))
        figure = _of_one_method(randomisation, *map(_random_ones, frames))
    bottom_legend(figure, 4)
    return figure


def _random_ones(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(sample="random") if "sample" in frame.columns else frame


def _of_one_method(
    randomisation: pl.DataFrame, single_neurons: pl.DataFrame, correlations: pl.DataFrame
) -> Figure:
    components = [one for one in COMPONENTS if one in set(single_neurons["component"])]
    n_rows = -(-len(components) // 3)
    figure = new_figure(2 * PANEL_WIDTH, 2.3 + 1.9 * n_rows)
    grid = figure.add_gridspec(1 + n_rows, 3, height_ratios=[1.25, *[1] * n_rows])
    _randomisation_panel(figure.add_subplot(grid[0, :]), randomisation)
    labels = single_neurons["label"].unique(maintain_order=True).to_list()
    for place, component in enumerate(components):
        axes = figure.add_subplot(grid[1 + place // 3, place % 3])
        _scatter(axes, single_neurons.filter(component=component), labels)
        rho = _rank_correlations(correlations.filter(component=component), labels)
        axes.set_title(f"({chr(ord('b') + place)}) {component}\n{rho}")
        if place + 3 >= len(components):
            axes.set_xlabel("score")
        if place % 3 == 0:
            axes.set_ylabel("change of F without it")
    return figure


def _of_several_methods(
    randomisation: pl.DataFrame,
    single_neurons: pl.DataFrame,
    correlations: pl.DataFrame,
    methods: Sequence[str],
) -> Figure:
    """Panels of scores against changes: a column a method, a row a sample, four to a row."""
    samples = [one for one in _SAMPLES if one in set(single_neurons["sample"])]
    n_columns = min(len(methods), 4)
    n_rows = len(samples) * -(-len(methods) // n_columns)
    figure = new_figure(2 * PANEL_WIDTH, 2.3 + 1.9 * n_rows)
    grid = figure.add_gridspec(1 + n_rows, n_columns, height_ratios=[1.25, *[1] * n_rows])
    _randomisation_panel(figure.add_subplot(grid[0, :]), randomisation)
    for place, method in enumerate(methods):
        for row, sample in enumerate(samples):
            row += place // n_columns * len(samples)
            axes = figure.add_subplot(grid[1 + row, place % n_columns])
            of = {"method": method, "sample": sample}
            neurons, found = single_neurons.filter(**of), correlations.filter(**of, component="all")
            labels = neurons["label"].unique(maintain_order=True).to_list()
            _scatter(axes, neurons, labels)
            title = f"{method_label(method)}\n{sample}: {_rank_correlations(found, labels)}"
            title = title if row % len(samples) == 0 else title.split("\n")[1]
            axes.set_title(title, fontsize=7)
            if row == n_rows - 1:
                axes.set_xlabel("score")
            if place % n_columns == 0:
                axes.set_ylabel("change of F without it")
    return figure


def _rank_correlations(correlations: pl.DataFrame, labels: Sequence[str]) -> str:
    """Spearman's ρ of each label, in their order."""
    found = dict(correlations["label", "spearman_zero"].iter_rows())
    return f"ρ {', '.join(number(found[label], 2) for label in labels)}"


def _randomisation_panel(axes: Axes, randomisation: pl.DataFrame) -> None:
    axes.set_title("(a) scores of a ranker with random weights against the real ones")
    axes.axhline(0, color="black", lw=0.6)
    labels = randomisation["label"].unique(maintain_order=True).to_list()
    for label in labels:
        index = _LABELS.index(label)
        steps = randomisation.filter(label=label).sort("step")
        for column, style, words in (
            ("spearman", "-", "ρ of scores"),
            ("spearman_absolute", ":", "ρ of |score|"),
        ):
            values = steps[column].cast(pl.Float64).fill_null(np.nan)
            look = {"color": colour(index), "marker": marker(index), "ls": style}
            axes.plot(
                [0, *(steps["step"] + 1)],
                [1.0, *values],
                **look,
                label=f"{_words(label)}, {words}",
            )
    first = randomisation.filter(label=labels[0]).sort("step")
    axes.set_xticks(range(len(first) + 1), ["none", *first["what"]])
    axes.tick_params(axis="x", rotation=30 if len(first) > 9 else 0)
    axes.set_xlabel("what has random weights: the head and the layers down to")
    axes.set_ylabel("rank correlation")
    axes.set_ylim(min(-0.1, 1.1 * _lowest(randomisation)), 1.05)
    axes.grid(True, axis="y")


def _lowest(randomisation: pl.DataFrame) -> float:
    columns = randomisation.select("spearman", "spearman_absolute").cast(pl.Float64)
    return columns.min_horizontal().min() or 0.0


def _scatter(axes: Axes, neurons: pl.DataFrame, labels: list[str]) -> None:
    """Score against change, on scales that show small values of either sign."""
    axes.axhline(0, color="black", lw=0.4)
    axes.axvline(0, color="black", lw=0.4)
    for label in labels:
        own = neurons.filter(label=label)
        index = _LABELS.index(label)
        look = {"color": colour(index), "marker": marker(index), "ms": 2.5, "mew": 0, "alpha": 0.6}
        # Differences have no curve of their own in panel (a), which names the others.
        look |= {"label": "differences within a query"} if label == "difference" else {}
        axes.plot(own["score"], own["change_zero"], ls="", **look)
    for axis, column in ((axes.xaxis, "score"), (axes.yaxis, "change_zero")):
        _signed_log_scale(axes, axis, neurons[column])


def _signed_log_scale(axes: Axes, axis: Axis, values: pl.Series) -> None:
    """Linear below the median size, logarithmic above; ticks at 0 and at the largest powers."""
    sizes = values.abs().filter(values != 0)
    threshold = float(sizes.median() or 1.0)
    set_scale = axes.set_xscale if axis is axes.xaxis else axes.set_yscale
    set_scale("symlog", linthresh=threshold)
    power = 10.0 ** np.floor(np.log10(sizes.max() or 1.0))
    axis.set_major_locator(FixedLocator([-power, 0, power]))
    axis.set_major_formatter(FuncFormatter(lambda x, _: number(x, 0) if x == 0 else _power(x)))
    axis.set_minor_locator(NullLocator())


def _power(value: float) -> str:
    sign = MINUS if value < 0 else ""
    exponent = round(np.log10(abs(value)))
    return f"{sign}10{str(exponent).translate(_SUPERSCRIPTS)}"


def _neuron(curve: pl.DataFrame) -> str:
    row = curve.row(0, named=True)
    return f"{row['series']}: layer {row['layer']} {row['component']} {row['neuron']}"


def _words(label: str) -> str:
    return label.replace("_", "-")
