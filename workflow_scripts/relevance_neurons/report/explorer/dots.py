"""Markers with their intervals on lines below each other, and the axis that names the lines."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import rounded

GREY = "#8c8c8c"
BAR = "rgba(140, 140, 140, 0.45)"
"""Of what chance, or random neurons, give."""


def add_dots(
    figure: go.Figure,
    rows: pl.DataFrame,
    columns: tuple[str, str, str],
    places: Sequence[float | str],
    name: str,
    colour: str,
    symbols: str | Sequence[str],
) -> go.Scatter:
    """A marker a row at its value; ``columns``: of the value and of its interval's two ends."""
    value, low, high = (rows[column] for column in columns)
    error = {"type": "data", "array": rounded(high - value)}
    error |= {"arrayminus": rounded(value - low), "color": colour, "thickness": 1.2, "width": 0}
    look = {"symbol": symbols, "color": colour, "size": 9, "line": {"width": 1.5, "color": colour}}
    figure.add_scatter(
        x=rounded(value), y=places, mode="markers", name=name, marker=look, error_x=error
    )
    return figure.data[-1]


def name_lines(figure: go.Figure, names: Sequence[str]) -> None:
    """Call the places 0, 1, … of the vertical axis by ``names``, the first on top."""
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=list(names),
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )


def upright(x: float) -> dict[str, object]:
    """A grey line at ``x`` over the whole height, for the layout's shapes."""
    line = {"width": 1, "color": GREY}
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}
