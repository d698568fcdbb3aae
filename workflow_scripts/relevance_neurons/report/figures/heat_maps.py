"""Maps of patching effects: cells from −1 to 1 on one scale, their marks, and their panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from relevance_neurons.report.figures.style import LIGHT_GREY, PANEL_WIDTH, colour, note

MOST = 1.0
"""An effect of 1 is the whole change of the logit; of fewer and larger ones the scale ends here."""
TICK, _WIDE_TICK = 0.105, 0.17
"""Inches that a tick's label needs: a line of text, two digits side by side."""
_BESIDE = 2
"""Collections side by side; further ones stand below."""
_FLAT = 1e-3
"""The scale of a figure without any effect."""
_ACROSS, _TOPS, _EDGES = 0.75, 0.3, 1.25
"""Inches: left of the panels, above each, and above and below all of them."""
_MARKED = {"color": "black", "marker": ".", "ls": ""}
_FRAME = {"fill": False, "ec": "black", "clip_on": False, "zorder": 3}


@dataclass(frozen=True)
class Places:
    """The cells along one side of a map: a column's ``values`` with their labels, and a title."""

    column: str
    values: Sequence[object]
    labels: Sequence[str]
    title: str

    @classmethod
    def numbered(cls, column: str, size: int, title: str) -> Places:
        """0 to ``size`` − 1."""
        return cls(column, range(size), [str(one) for one in range(size)], title)

    def of(self, rows: pl.DataFrame) -> list[int | None]:
        """Where each row is; None for what has no place."""
        found = {value: place for place, value in enumerate(self.values)}
        return [found.get(value) for value in rows[self.column]]

    def ticks(self, inches: float, upright: bool = True) -> tuple[list[int], list[str]]:
        """Places and labels, as many as ``inches`` hold; ``upright``: below each other."""
        needed = TICK if upright else _WIDE_TICK
        step = max(1, ceil(needed * len(self.values) / inches))
        return list(range(0, len(self.values), step)), list(self.labels[::step])


@dataclass(frozen=True)
class Scale:
    """Colours of effects, the same to both sides of 0; ``extend``: what lies beyond its ends."""

    limit: float
    extend: str

    @classmethod
    def of(cls, effects: pl.Series) -> Scale:
        """As wide as ``effects``, nulls among them, but no wider than ``MOST``."""
        known = effects.drop_nulls()
        limit = max(_FLAT, min(MOST, known.abs().max() or 0.0))
        beyond = (bool((known < -limit).any()), bool((known > limit).any()))
        names = {(True, True): "both", (True, False): "min", (False, True): "max"}
        return cls(limit, names.get(beyond, "neither"))

    def look(self) -> dict[str, object]:
        """Arguments of ``imshow``."""
        return {"cmap": _colours(), "norm": Normalize(-self.limit, self.limit)}

    def bar(self, figure: Figure | SubFigure, panels: np.ndarray, label: str) -> None:
        """The colour bar, over ``panels``, shape (rows, columns)."""
        bar = {"location": "top", "shrink": 0.45, "aspect": 35, "extend": self.extend}
        bar["pad"] = 0.08 / len(panels)  # a share of all their height
        mappable = ScalarMappable(**self.look())
        found = figure.colorbar(mappable, ax=list(panels.flat), label=label, **bar)
        found.ax.xaxis.set_major_locator(MaxNLocator(6))


def _colours() -> Colormap:
    found = LinearSegmentedColormap.from_list("effect", [colour(1), "white", colour(0)])
    return found.with_extremes(bad=LIGHT_GREY)


def blocks_of(collections: Sequence[str]) -> list[Sequence[str]]:
    """``collections`` as they stand in a figure: a block's side by side."""
    return [collections[start : start + _BESIDE] for start in range(0, len(collections), _BESIDE)]


def panel_size(n_columns: int, n_rows: int, tall: float) -> tuple[float, float, float]:
    """Inches: the width of one of ``n_columns`` panels, the figure's width and its height.

    ``tall``: inches of one panel. A figure is a page wide.
    """
    width = 2 * PANEL_WIDTH
    return (width - _ACROSS) / n_columns - 0.12, width, n_rows * (tall + _TOPS) + _EDGES


def draw_map(
    axes: Axes, rows: pl.DataFrame, x: Places, y: Places, scale: Scale, significance: float
) -> None:
    """Fill the cells of ``rows`` (effect, p_value_holm); those that are significant get a dot.

    What is not measured stays grey; where nothing is, the panel says why.
    """
    values = np.full((len(y.values), len(x.values)), np.nan)
    marked: list[tuple[int, int]] = []
    each = zip(x.of(rows), y.of(rows), rows["effect"], rows["p_value_holm"], strict=True)
    for column, row, effect, p in each:
        if column is None or row is None or effect is None:
            continue
        values[row, column] = effect
        if p is not None and p <= significance:
            marked.append((column, row))
    axes.imshow(
        np.ma.masked_invalid(values), **scale.look(), aspect="auto", interpolation="nearest",
        origin="lower",
    )  # fmt: skip
    axes.autoscale(False)  # marks and frames at the edge do not widen it
    axes.spines[:].set(visible=True, color=LIGHT_GREY)
    axes.tick_params(length=2, pad=1.5)
    if marked:
        axes.plot(*zip(*marked, strict=True), **_MARKED, ms=2.4, mew=0)
    if np.isnan(values).all():
        note(axes, nothing(rows))


def nothing(rows: pl.DataFrame) -> str:
    """Why a map of ``rows`` is empty."""
    if rows.is_empty():
        return "not measured"
    return f"{rows['n_small'].max() or 0} pairs, all\nchange too little"


def counted(rows: pl.DataFrame) -> str:
    """How many pairs the cells are means of, and of how many."""
    if rows.is_empty() or rows["effect"].is_null().all():
        return ""
    n_pairs, n_small = rows["n_pairs"].max(), rows["n_small"].max()
    return f"{n_pairs} of {n_pairs + n_small} pairs"


def entitle(axes: Axes, name: str, block: str, rows: pl.DataFrame) -> None:
    """A panel's title, below ``block`` with the pairs of ``rows``, which may be wider than it.

    Without ``block``, which the first panel of several has, the line is left free.
    """
    over = ": ".join(filter(None, [block, counted(rows)])) if block else ""
    axes.set_title(f"\n{name}" if name else over, fontsize=7.5)
    if name and over:  # no title of its own: that would widen the panel to its length
        place = {"xycoords": "axes fraction", "xytext": (0, 6), "textcoords": "offset points"}
        text = axes.annotate(f"{over}\n", (0, 1), **place, va="bottom", fontsize=7.5)
        text.set_in_layout(False)


def outline(axes: Axes, heads: pl.DataFrame) -> None:
    """A frame around every matching head, a ring in every relevance head (x: head, y: layer)."""
    width = min(0.9, 11 / max(1, heads["layer"].max() or 0))  # points; small cells are not filled
    for row in heads.iter_rows(named=True):
        x, y = row["head"], row["layer"]
        if row["is_matching"]:
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, lw=width, **_FRAME))
        if row["is_relevance"]:
            axes.add_patch(Ellipse((x, y), 0.9, 0.9, lw=width, **_FRAME))


def map_legend(figure: Figure | SubFigure, significance: float, with_heads: bool) -> None:
    """What dots, frames, rings and grey cells are."""
    text = f"p ≤ {significance:g} after Holm's correction"
    handles: list = [Line2D([], [], ms=4, **_MARKED, mew=0, label=text)]
    if with_heads:
        frame = {"mfc": "none", "color": "black", "ls": ""}
        handles.append(Line2D([], [], marker="s", ms=5, mew=0.8, **frame, label="matching head"))
        handles.append(Line2D([], [], marker="o", ms=5, mew=0.9, **frame, label="relevance head"))
    handles.append(Patch(color=LIGHT_GREY, label="not measured"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
