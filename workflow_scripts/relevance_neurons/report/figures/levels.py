"""Level against difference: do neurons move all scores, or tell passages apart?"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from relevance_neurons.report.figures.style import (
    DARK_GREY,
    GREY,
    MIDDLE_GREY,
    PANEL_WIDTH,
    colour,
    marker,
    new_figure,
    styled,
)
from relevance_neurons.report.names import method_label, parted
from relevance_neurons.report.tables.levels import by_collection, mean_over_collections
from relevance_neurons.selection.ablation_kinds import BOTTOM, RANDOM, named

_OTHERS = {
    RANDOM: ({"marker": ".", "ms": 6, "color": MIDDLE_GREY}, "random sets"),
    BOTTOM: ({"marker": "x", "ms": 4, "color": GREY}, "least important"),
}
_SMALLEST, _LARGEST = 3.0, 7.0
"""Sizes of the markers of the lowest and of the highest level, in points."""


@styled
def levels_figure(
    changes: pl.DataFrame,
    effects: pl.DataFrame,
    methods: Sequence[str],
    measure: str,
    schemes: Sequence[str],
    heads: Sequence[str] = (),
) -> Figure:
    """Change of the measure, and of the gap between labels, against the shift of all scores.

    ``changes``: level_changes; ``effects``: as ``ablation_effects`` returns; ``methods``: the
    study's, its own first; ``schemes``: those ablated, of all methods. A marker is a scheme of a
    method at a level (the larger, the higher), the mean over collections (and draws); the shift is
    the mean of those on relevant and on non-relevant passages. In grey the random sets of all
    schemes and the other ends of their rankings; dark grey: ``heads``, schemes that no method has.
    """
    points = mean_over_collections(by_collection(changes, effects)).sort("scheme", "top_percent")
    figure = new_figure(2 * PANEL_WIDTH, 3.6)
    left, right = figure.subplots(1, 2, sharex=True)
    bases = list(dict.fromkeys(parted(scheme)[0] for scheme in schemes))
    for axes, column, at in ((left, "difference_percent", 0), (right, "gap_kept_percent", 100)):
        axes.grid(True)
        axes.axvline(0, color="black", lw=0.6)
        axes.axhline(at, color="black", lw=0.6)
        axes.set_xlabel("shift of the mean logit margin")
        for kind, (look, _) in _OTHERS.items():
            own = points.filter(pl.col("scheme").is_in([named(kind, one) for one in schemes]))
            axes.plot(own["shift"], own[column], ls="", zorder=1.5, **look)
        for scheme in schemes:
            base, method = parted(scheme)
            shade = colour(methods.index(method or methods[0]))
            look = {"color": DARK_GREY if scheme in heads else shade}
            look |= {"marker": marker(bases.index(base)), "mew": 0.4, "mec": "white"}
            _draw_levels(axes, points.filter(scheme=scheme), column, look)
    left.set_title("(a) what the ranking loses")
    left.set_ylabel(f"change of {measure} (%)")
    right.set_title("(b) gap of relevant and other passages")
    right.set_ylabel("gap of mean margins kept (%)")
    _legend(figure, bases, methods, points)
    return figure


def _draw_levels(axes: Axes, points: pl.DataFrame, column: str, look: dict[str, object]) -> None:
    """A scheme's levels, joined by a thin line, from small to large.

    A gap of a ranker that does not tell passages apart has no percentage.
    """
    points = points.drop_nulls(["shift", column])
    axes.plot(points["shift"], points[column], color=look["color"], lw=0.5, alpha=0.6)
    step = (_LARGEST - _SMALLEST) / max(1, points.height - 1)
    for place, row in enumerate(points.iter_rows(named=True)):
        size = _LARGEST if points.height == 1 else _SMALLEST + step * place
        axes.plot(row["shift"], row[column], ms=size, ls="", **look)


def _legend(
    figure: Figure, bases: Sequence[str], methods: Sequence[str], points: pl.DataFrame
) -> None:
    handles = [
        Line2D([], [], color=colour(i), lw=3, label=method_label(one))
        for i, one in enumerate(methods)
    ]
    handles += [
        Line2D([], [], color=DARK_GREY, ls="", marker=marker(i), ms=5, label=base)
        for i, base in enumerate(bases)
    ]
    handles += [
        Line2D([], [], ls="", label=text, **look)
        for kind, (look, text) in _OTHERS.items()
        if points["scheme"].str.starts_with(f"{kind}:").any()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
