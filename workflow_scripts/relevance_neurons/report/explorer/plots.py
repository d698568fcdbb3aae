"""Plotly figures as HTML that the page's script draws when they come into view."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#B8578F", "#A87400", "#3A8FC7", "#7A7A7A", "#8B5FBF")
"""Colours of series: Okabe and Ito's, some darker: they stand out on white and in the dark."""
DIVERGING = (
    *((0.0, "#2166AC"), (0.25, "#7FB3D9"), (0.5, "#F2F2F2")),
    *((0.75, "#F0A66E"), (1.0, "#B8480A")),
)
"""From blue below 0 to orange above it; told apart with every kind of colour blindness."""
SEQUENTIAL = "Cividis"
"""A scale of amounts, of Plotly's names."""
HEIGHT = 380


MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "pentagon")
"""Symbols of series, which tell them apart where colours do not."""
BAND = "rgba(128,128,128,0.28)"
"""The ground of what chance gives."""


def faded(colour: str, alpha: float = 0.16) -> str:
    """``colour`` (#rrggbb) as the ground of an interval."""
    return f"rgba({', '.join(map(str, bytes.fromhex(colour[1:])))}, {alpha})"


def style(figure: go.Figure) -> go.Figure:
    """Give ``figure`` the house's margins and legend; colours of text come by the theme."""
    return figure.update_layout(
        template=None,
        title=None,
        margin={"l": 64, "r": 16, "t": 16, "b": 56},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
        colorway=list(PALETTE),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )


def plot(name: str, figure: go.Figure, description: str, height: int = HEIGHT) -> str:
    """``figure`` as a lazily drawn <figure>; ``description`` is its caption and what is read out.

    ``name`` is unique in the page. Numbers that are numpy arrays travel as their bytes.
    """
    style(figure).update_layout(height=height)
    figure.update_xaxes(automargin=True).update_yaxes(automargin=True)
    words = escape(description)
    return (
        f'<figure class="plot" id="plot-{name}">\n'
        f'<div class="scrolled"><div class="canvas" role="group" aria-label="{words}" '
        f'style="height:{height}px"></div></div>\n'
        f"<figcaption>{words}</figcaption>\n"
        f'<script type="application/json">{as_data(figure.to_json())}</script>\n</figure>'
    )


def as_data(json_text: str) -> str:
    """JSON for a script element: nothing in it ends the element."""
    return (
        json_text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    )
