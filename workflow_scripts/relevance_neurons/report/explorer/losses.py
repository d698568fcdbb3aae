"""What the ranker loses without the neurons, collection by collection, beside its controls."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import (
    DOMAINS,
    KINDS,
    chosen,
    key,
    level_text,
    options,
)
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.dots import BAR, GREY, add_dots, name_lines, upright
from relevance_neurons.report.explorer.loss_tables import effects_table, pooled_table
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.plots import PALETTE, plot
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.names import scheme_label

_MARKS = {"significant_holm": "after Holm's correction", "significant": "raw p"}
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star")
_POOLED = ("hexagram", "cross", "x")
_DOTTED = {"width": 1, "color": BAR, "dash": "dot"}
_LINE, _ROW = 13, 26
"""Pixels that a marker and a scheme's margin need."""


def losses(results: Results) -> Section | None:
    """Effects of every ablation; None where nothing was switched off."""
    if not results.has("ablation_effects"):
        return None
    effects = results.query("loss_effects").drop_nulls("difference_percent")
    if effects.is_empty():
        return None
    measure = results.study.get("ablation.measure", "the measure")
    has_pooled = results.has("pooled_effects")
    pooled = results.query("pooled_losses").drop_nulls("difference_percent") if has_pooled else None
    significance = results.study.get("ablation.significance", "0.05")
    return Section(
        "losses",
        "What the ranker loses",
        f"By how many percent {measure} changes when a scheme's neurons are switched off, and "
        "whether controls lose as much.",
        _figures(effects, pooled, measure, significance)
        + effects_table(effects, measure, significance)
        + ("" if pooled is None else pooled_table(pooled, measure)),
    )


def _figures(
    effects: pl.DataFrame, pooled: pl.DataFrame | None, measure: str, significance: str
) -> str:
    collections = sorted(effects["collection"].unique())
    views = {}
    for (kind, level), rows in effects.group_by("kind", "top_percent", maintain_order=True):
        over = None if pooled is None else pooled.filter(kind=kind, top_percent=level)
        n_marks = len(collections) + (0 if over is None else over["domain"].n_unique())
        for column, words in _MARKS.items():
            views[kind or "own", key(level), column] = plot(
                f"losses-{len(views)}",
                _forest(rows, over, collections, column, measure),
                f"Change of {measure} in percent of the original at the level {level_text(level)}: "
                f"{KINDS.get(kind, kind)}. A marker is a collection's mean over its queries with "
                f"its 95 % bootstrap interval over queries; filled: p ≤ {significance}, {words} "
                "(paired t-test); hollow: not. " + _said_of(kind, over),
                height=110 + rows["scheme"].n_unique() * (_ROW + _LINE * n_marks),
            )
    kinds = [(kind or "own", KINDS.get(kind, kind)) for kind in chosen(KINDS, effects["kind"])]
    controls = [
        Control("kind", "What is switched off", kinds),
        Control(
            "level",
            "Level",
            options(effects["top_percent"].unique().sort(descending=True), level_text),
        ),
        Control("marks", "Filled if significant", list(_MARKS.items())),
    ]
    return switched("losses-effects", controls, views)


def _said_of(kind: str, pooled: pl.DataFrame | None) -> str:
    said = []
    if kind == "":
        said.append(
            "Grey bars span the single draws of random neurons in the same layers and components: "
            "a marker inside its bar does no more harm than they do."
        )
    elif kind in ("random", "matched"):
        said.append("Each is the mean over the draws.")
    if pooled is not None and not pooled.is_empty():
        said.append("Stars and crosses: all queries of a domain's collections tested together.")
    return " ".join(said)


def _forest(
    rows: pl.DataFrame,
    pooled: pl.DataFrame | None,
    collections: list[str],
    column: str,
    measure: str,
) -> go.Figure:
    """A block of lines a scheme: its collections below each other, then pooled tests."""
    schemes = rows["scheme"].unique(maintain_order=True).to_list()
    pooled = None if pooled is None else pooled.filter(pl.col("scheme").is_in(schemes))
    domains = [] if pooled is None else chosen(DOMAINS, pooled["domain"])
    step = 0.8 / (len(collections) + len(domains))
    figure = go.Figure()
    _bars(figure, rows, schemes, collections, step)
    lines = [(one, rows.filter(collection=one), False) for one in collections]
    lines += [(DOMAINS.get(one, one), pooled.filter(domain=one), True) for one in domains]
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
