"""Transfer: neurons found on one collection, switched off on the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from relevance_neurons.report.figures.style import (
    LIGHT_GREY,
    PANEL_WIDTH,
    colour,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.names import method_label
from relevance_neurons.report.tables.formats import NOTHING, number
from relevance_neurons.report.tables.table4 import EMPTY
from relevance_neurons.selection.ablation_kinds import scheme_by

_CELL, _HEIGHT, _LETTER, _TITLE = 0.44, 0.24, 0.06, 1.6
"""Inches: width and height of a cell, a letter of a row's name, the title of a matrix."""


@styled
def transfer_figure(
    effects: pl.DataFrame,
    attributed: Sequence[str],
    methods: Sequence[str],
    measure: str,
    top_percent: float,
) -> Figure:
    """Effect of the neurons of each collection on each, a matrix a method and family of schemes.

    ``effects``: as ``ablation_effects`` returns; ``attributed``: the collections that neurons
    were found on, the rows; ``methods``: the study's, its own first. A cell is the change of the
    measure at ``top_percent``, † where it is significant after Holm's correction. All matrices
    have one scale, the same to both sides of 0; a frame is a collection's own neurons.
    """
    effects = effects.filter(top_percent=top_percent)
    names = effects["collection"].unique().sort().to_list()
    found = {(row["scheme"], row["collection"]): row for row in effects.iter_rows(named=True)}
    matrices = _matrices(set(effects["scheme"]), attributed, methods)
    labels = 0.4 + _LETTER * max(map(len, attributed))
    needed = max(_TITLE, _CELL * len(names)) + 0.15
    n_columns = max(1, int((2 * PANEL_WIDTH - labels) / needed))
    places = _places(matrices, n_columns)
    n_rows = 1 + max((row for row, _ in places), default=0)
    n_columns = 1 + max((column for _, column in places), default=0)
    width = max(PANEL_WIDTH, labels + n_columns * 1.3 * needed)
    figure = new_figure(
        min(width, 2 * PANEL_WIDTH), n_rows * (_HEIGHT * len(attributed) + 0.35) + 1.6
    )
    grid = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    limit = _limit(found, matrices)
    for place, ((family, method), schemes) in zip(places, matrices.items(), strict=True):
        axes = grid[place]
        axes.set_title(f"{family}, {method_label(method)}")
        image = _matrix(
            axes, [[found.get((one, name)) for name in names] for one in schemes], limit
        )
        _frame_own(axes, attributed, names)
        axes.set_xticks(range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(attributed)), attributed)
    _tidy(grid, places)
    if not matrices:
        note(grid[0, 0], "no scheme of a single collection was ablated")
        return figure
    figure.supxlabel("switched off on", fontsize=8)
    figure.supylabel(f"top {top_percent:g} % found on", fontsize=8)
    bar = {"location": "top", "shrink": 0.4, "aspect": 30, "pad": 0.03}
    bar |= {"ax": [grid[place] for place in places], "label": f"change of {measure} (%)"}
    figure.colorbar(image, **bar)
    return figure


def _matrices(
    there: set[str], attributed: Sequence[str], methods: Sequence[str]
) -> dict[tuple[str, str], list[str]]:
    """(family, method) -> the scheme of each collection, where any of them was ablated."""
    found = {}
    for family in "PNFD":
        for method in methods:
            schemes = [scheme_by(f"{family}_{name}", method, methods[0]) for name in attributed]
            if there & set(schemes):
                found[family, method] = schemes
    return found


def _places(matrices: dict[tuple[str, str], list[str]], n_columns: int) -> list[tuple[int, int]]:
    """Row and column of each matrix: a family begins a row."""
    places, before = [], None
    row, column = -1, 0
    for family, _ in matrices:
        column += 1
        if family != before or column == n_columns:
            row, column, before = row + 1, 0, family
        places.append((row, column))
    return places


def _limit(found: dict[tuple, dict], matrices: dict[tuple[str, str], list[str]]) -> float:
    """The largest change of all matrices, up to the next ten."""
    schemes = {one for own in matrices.values() for one in own}
    changes = [row["difference_percent"] for (one, _), row in found.items() if one in schemes]
    return 10 * np.ceil(max((abs(one) for one in changes if one is not None), default=1) / 10)


def _matrix(axes: Axes, rows: list[list[dict | None]], limit: float) -> AxesImage:
    values = [[_change(row) for row in line] for line in rows]
    colours = LinearSegmentedColormap.from_list("loss", [colour(1), "white", colour(0)])
    colours = colours.with_extremes(bad=LIGHT_GREY)
    shown = np.ma.masked_invalid(np.array(values, dtype=float))
    image = axes.imshow(shown, cmap=colours, norm=Normalize(-limit, limit), aspect="auto")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for y, line in enumerate(rows):
        for x, row in enumerate(line):
            axes.text(x, y, _text(row), ha="center", va="center", fontsize=7)
    return image


def _change(row: dict | None) -> float | None:
    return None if row is None or not row["n_neurons"] else row["difference_percent"]


def _text(row: dict | None) -> str:
    if row is not None and row["n_neurons"] == 0:
        return EMPTY
    if row is None or row["difference_percent"] is None:
        return NOTHING
    return number(row["difference_percent"], 0) + ("†" if row["significant_holm"] else "")


def _frame_own(axes: Axes, attributed: Sequence[str], names: Sequence[str]) -> None:
    for y, name in enumerate(attributed):
        if name in names:
            corner = (names.index(name) - 0.5, y - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, ec="black", lw=0.9, clip_on=False))


def _tidy(grid: np.ndarray, places: Sequence[tuple[int, int]]) -> None:
    """Take away what is empty; the lowest of each column has the names of the collections."""
    for (row, column), axes in np.ndenumerate(grid):
        if places and (row, column) not in places:
            axes.remove()
        elif (row + 1, column) not in places:
            axes.tick_params(labelbottom=True)
