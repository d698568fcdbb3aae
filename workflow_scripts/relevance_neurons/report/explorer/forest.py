"""Effects of ablations as markers below each other: a block a scheme, a line a collection."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import DOMAINS, chosen
from relevance_neurons.report.explorer.dots import BAR, GREY, add_dots, name_lines, upright
from relevance_neurons.report.explorer.plots import PALETTE
from relevance_neurons.report.names import scheme_label

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star")
_POOLED = ("hexagram", "cross", "x")
_DOTTED = {"width": 1, "color": BAR, "dash": "dot"}
_LINE, _ROW = 13, 26
"""Pixels that a marker and a scheme's margin need."""


def forest_height(n_schemes: int, n_marks: int) -> int:
    """Pixels that so many schemes with so many lines each need."""
    return 110 + n_schemes * (_ROW + _LINE * n_marks)


def forest(
    rows: pl.DataFrame,
    pooled: pl.DataFrame | None,
    collections: list[str],
    column: str,
    measure: str,
) -> go.Figure:
    """A block of lines a scheme: its collections below each other, then pooled tests.

    ``rows`` and ``pooled``: as loss_effects.sql and pooled_losses.sql return; ``column``: filled
    where it is true.
    """
    schemes = rows["scheme"].unique(maintain_order=True).to_list()
    over = rows.clear() if pooled is None else pooled.filter(pl.col("scheme").is_in(schemes))
    domains = [] if pooled is None else chosen(DOMAINS, over["domain"])
    step = 0.8 / (len(collections) + len(domains))
    figure = go.Figure()
    _bars(figure, rows, schemes, collections, step)
    lines = [(one, rows.filter(collection=one), False) for one in collections]
    lines += [(DOMAINS.get(one, one), over.filter(domain=one), True) for one in domains]
    for index, (name, own, is_pooled) in enumerate(lines):
        colour = GREY if is_pooled else PALETTE[index % len(PALETTE)]
        symbols = _POOLED if is_pooled else _SYMBOLS
        base = symbols[(index - len(collections) * is_pooled) % len(symbols)]
        marks = [base if one else f"{base}-open" for one in own[column]]
        places = [_place(schemes, index, step)[one] for one in own["scheme"]]
        columns = ("difference_percent", "ci_low", "ci_high")
        trace = add_dots(figure, own, columns, places, name, colour, marks)
        trace.customdata = [_told(row, measure) for row in own.iter_rows(named=True)]
        trace.hovertemplate = "%{customdata}<extra>" + name + "</extra>"
    name_lines(figure, [scheme_label(one).replace(" · ", "<br>") for one in schemes])
    figure.update_layout(shapes=_rules(len(schemes)))
    figure.update_xaxes(title=f"change of {measure} (%)", zeroline=False)
    return figure


def _rules(n_schemes: int) -> list[dict]:
    """A line at 0, and one between each two schemes; one by one they would take seconds."""
    found = [upright(0)]
    for between in range(1, n_schemes):
        line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "line": _DOTTED}
        found.append(line | {"y0": between - 0.5, "y1": between - 0.5})
    return found


def _place(schemes: list[str], index: int, step: float) -> dict[str, float]:
    """Where line ``index`` of every scheme is."""
    return {one: round(row - 0.4 + (index + 0.5) * step, 3) for row, one in enumerate(schemes)}


def _bars(
    figure: go.Figure, rows: pl.DataFrame, schemes: list[str], collections: list[str], step: float
) -> None:
    known = rows.drop_nulls(["random_low", "random_high"])
    if known.is_empty():
        return
    xs, ys = [], []
    for row in known.iter_rows(named=True):
        y = _place(schemes, collections.index(row["collection"]), step)[row["scheme"]]
        xs += [round(row["random_low"], 3), round(row["random_high"], 3), None]
        ys += [y, y, None]
    look = {"width": 8, "color": BAR}
    figure.add_scatter(
        x=xs, y=ys, mode="lines", line=look, name="range of random draws", hoverinfo="skip"
    )


def _told(row: dict, measure: str) -> str:
    interval = ""
    if row["ci_low"] is not None:
        interval = f" [{row['ci_low']:.1f}, {row['ci_high']:.1f}]"
    text = f"{scheme_label(row['scheme'])}<br>{row['difference_percent']:.1f} %{interval}<br>"
    text += f"{measure} {row['original']:.3f} → {row['pruned']:.3f}, {row['n_queries']} queries"
    if row["p_value"] is not None:
        text += f"<br>p {row['p_value']:.2g}"
    if row["p_value_holm"] is not None:
        text += f", Holm {row['p_value_holm']:.2g}"
    if row.get("random_percent") is not None:
        text += f"<br>random neurons {row['random_percent']:.1f} %"
    return text
