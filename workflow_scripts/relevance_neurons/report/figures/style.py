"""What the figures share: style, colours, axes in percent, notes in a panel, and saving."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from relevance_neurons.errors import UserError
from relevance_neurons.report.figures.fonts import use_fonts
from relevance_neurons.running.outputs import whole

STYLE = Path(__file__).with_name("style.mplstyle")
PANEL_WIDTH = 3.4
DARK_GREY = "#555555"
GREY = "#7F7F7F"
MIDDLE_GREY = "#B3B3B3"
LIGHT_GREY = "#D9D9D9"
MARKERS = "osD^vPX<>"


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Run a function that draws a figure with the project's style, whatever the caller's is.

    Texts get the fonts that their characters need, and none of them is read as a formula.
    """

    @wraps(draw)
    def drawn(*args: object, **keywords: object) -> Figure:
        with style.context(STYLE, after_reset=True):
            figure = draw(*args, **keywords)
            use_fonts(figure)
            return figure

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` by ``height`` inches that keeps its parts from overlapping."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, paths: Iterable[str | Path]) -> None:
    """Write ``figure`` to every path (.svg or .png, 300 dpi); equal figures give equal bytes."""
    for path in map(Path, paths):
        if path.suffix not in (".svg", ".png"):
            raise UserError(f"{path}: found suffix {path.suffix!r}; allowed: .svg, .png")
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        with style.context(STYLE, after_reset=True), whole(path) as temporary:
            figure.savefig(temporary, format=path.suffix[1:], metadata=metadata)


def colour(index: int) -> str:
    """The style's colour number ``index``, from the start again after the last."""
    colours = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    return colours[index % len(colours)]


def marker(index: int) -> str:
    """A marker that keeps curves apart where colours repeat or are not seen."""
    return MARKERS[index % len(MARKERS)]


def spread_out(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """``places`` moved as little as it takes to lie ``gap`` apart between ``low`` and ``high``.

    Their order stays. Where they do not fit, they lie evenly over the whole of it.
    """
    order = np.argsort(places, kind="stable")
    if len(places) > 1 and gap * (len(places) - 1) > high - low:
        moved = np.linspace(low, high, len(places))
    else:
        steps = gap * np.arange(len(places))
        # Without the gaps they need only stay in order: the isotonic fit, pooling neighbours.
        moved = np.clip(_in_order(np.asarray(places, float)[order] - steps), low, high)
        moved = np.minimum(moved, high - gap * (len(places) - 1)) + steps
    found = np.empty(len(places))
    found[order] = moved
    return found.tolist()


def _in_order(values: np.ndarray) -> np.ndarray:
    """The nearest values that never fall (least squares): neighbours that do are averaged."""
    blocks: list[list[float]] = []
    for value in values:
        blocks.append([value])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return np.array([np.mean(block) for block in blocks for _ in block])


def percent_axes(axes: Axes, highest: float = 100) -> None:
    """x: top percent on a log axis, written plainly; y: percent of shared neurons from 0."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(-0.02 * highest, 1.02 * highest)  # curves at 0 and 100 are seen whole
    axes.grid(True)


def note(axes: Axes, text: str, x: float = 0.5, y: float = 0.5, **align: str) -> None:
    """Say in the panel, at ``x``, ``y`` in its own units, what it cannot show."""
    axes.text(
        *(x, y, text),
        transform=axes.transAxes,
        **({"ha": "center", "va": "center"} | align),
        color=DARK_GREY,
        style="italic",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )


def bottom_legend(figure: Figure, n_columns: int) -> None:
    """One legend for all panels, under them; each text once."""
    entries = {}
    for axes in figure.axes:
        for handle, text in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(text, handle)
    if entries:
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=n_columns)
