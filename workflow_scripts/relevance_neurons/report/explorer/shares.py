"""What the maps share: the neurons that are on top of several, beside chance."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import (
    LABELS,
    chosen,
    key,
    label_text,
    level_text,
    method_text,
    methods_first,
    options,
    rounded,
)
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.dots import GREY
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.plots import PALETTE, SEQUENTIAL, plot
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.tables import table

_KINDS = {"pair": "two collections", "labels": "both labels of a collection"}
_KINDS |= {"methods": "two methods of a map", "intersection_all": "all collections"}
_KINDS |= {"intersection_out": "all out-of-domain collections"}
_WITHOUT = "_without_outliers"
_WRITTEN = 7
"""Collections of a matrix whose cells have room for their numbers."""


def shares(results: Results) -> Section | None:
    """Overlaps of the maps' tops; None where no two maps were compared."""
    if not results.has("overlaps") or not results.has("scheme_sizes"):
        return None
    tops = results.query("shared_tops")
    if tops.is_empty():
        return None
    return Section(
        "shares",
        "What the maps share",
        "How many of the neurons on top of one map are on top of another, and how many would be by "
        "chance.",
        _matrices(results, tops) + _curves(results) + _table(tops),
    )


def _matrices(results: Results, tops: pl.DataFrame) -> str:
    pairs = tops.filter(kind="pair").with_columns(method=pl.col("methods").list.first())
    if pairs.is_empty():
        return "<p>Fewer than two collections have a map of one label: no two to compare.</p>"
    views = {}
    for (method, label, level), rows in pairs.group_by(
        "method", "label", "top_percent", maintain_order=True
    ):
        place = (method or "", label, key(level))
        views[place] = plot(
            f"shares-{len(views)}",
            _matrix(rows),
            f"Neurons of the top {level_text(level)} that two collections' maps of "
            f"{label_text(label)} share, in percent of one map's top ({rows['n_selected'][0]:,} "
            f"neurons), {method_text(method)}. ○: not beyond chance at p ≤ 0.05, each pair by "
            "itself (not corrected). Point at a cell for its number of neurons, chance and the "
            "exact 95 % interval of chance.",
            height=120 + 46 * (1 + rows["collections"].list.explode().n_unique()),
        )
    controls = [
        Control("method", "Method", options(methods_first(results, pairs["method"]), method_text)),
        Control("label", "Maps of", options(chosen(LABELS, pairs["label"]), label_text)),
        Control("level", "Level", options(pairs["top_percent"].unique().sort(), level_text)),
    ]
    return switched("shares-matrix", controls, views)


def _matrix(rows: pl.DataFrame) -> go.Figure:
    names = sorted(rows["collections"].list.explode().unique())
    values = [[None] * len(names) for _ in names]
    texts, told = ([[""] * len(names) for _ in names] for _ in range(2))
    for row in rows.iter_rows(named=True):
        one, other = (names.index(name) for name in row["collections"])
        mark = "" if row["p_value_chance"] is None or row["p_value_chance"] <= 0.05 else " ○"
        for i, j in ((one, other), (other, one)):
            values[i][j] = round(row["shared_percent"], 2)
            texts[i][j] = f"{row['shared_percent']:.0f}{mark}"
            told[i][j] = _told(row)
    figure = go.Figure(
        go.Heatmap(
            x=names,
            y=names,
            z=values,
            text=texts if len(names) <= _WRITTEN else None,
            texttemplate="%{text}" if len(names) <= _WRITTEN else None,
            customdata=told,
            hovertemplate="%{y} and %{x}<br>%{customdata}<extra></extra>",
            hoverongaps=False,
            zmin=0,
            zmax=100,
            colorscale=SEQUENTIAL,
            colorbar={"title": {"text": "shared (%)", "side": "right"}, "thickness": 12},
        )
    )
    figure.update_yaxes(autorange="reversed", constrain="domain")
    return figure


def _told(row: dict) -> str:
    interval = f", 95 % interval {row['expected_low']:.2g} to {row['expected_high']:.2g}"
    return (
        f"{row['n_shared']:,} of {row['n_selected']:,} neurons: {row['shared_percent']:.1f} %<br>"
        f"chance {row['expected_percent']:.2g} %"
        + (interval if row["expected_low"] is not None else "")
        + ("" if row["p_value_chance"] is None else f"<br>p of chance {row['p_value_chance']:.2g}")
    )


def _curves(results: Results) -> str:
    curves = results.query("shared_curves").filter(pl.col("n_pairs") > 0)
    if curves.is_empty():
        return ""
    views = {
        (method, label): plot(
            f"shares-curve-{number}",
            _curve(rows),
            "Shared neurons against how many are selected: mean over all pairs of collections with "
            f"the range from the lowest pair to the highest ({rows['n_pairs'].max()} pairs), all "
            f"collections together, and chance for a pair with its exact 95 % interval; "
            f"{label_text(label)}, {method_text(method)}. At the left end few neurons are "
            "selected, and one more or less moves a curve far.",
            height=380,
        )
        for number, ((method, label), rows) in enumerate(
            curves.group_by("method", "label", maintain_order=True)
        )
    }
    controls = [
        Control("method", "Method", options(methods_first(results, curves["method"]), method_text)),
        Control("label", "Maps of", options(chosen(LABELS, curves["label"]), label_text)),
    ]
    return switched("shares-curves", controls, views)


def _curve(rows: pl.DataFrame) -> go.Figure:
    figure = go.Figure()
    x = rows["top_percent"].to_list()
    band = {"x": x + x[::-1], "fill": "toself", "line": {"width": 0}, "hoverinfo": "skip"}
    for low, high, colour, name in (
        ("lowest", "highest", PALETTE[0], "range of the pairs"),
        ("expected_low", "expected_high", GREY, "95 % interval of chance"),
    ):
        if rows[low].null_count() == 0:
            y = rounded([*rows[high], *rows[low].reverse()])
            figure.add_scatter(y=y, fillcolor=colour, opacity=0.25, name=name, mode="lines", **band)
    for column, colour, dash, name in (
        ("mean", PALETTE[0], "solid", "two collections, mean of the pairs"),
        ("by_all", PALETTE[1], "dash", f"all {rows['n_all'].max()} collections"),
        ("expected", GREY, "dot", "chance, two collections"),
    ):
        if rows[column].null_count() < len(rows):
            line = {"color": colour, "dash": dash}
            figure.add_scatter(x=x, y=rounded(rows[column]), mode="lines", line=line, name=name)
    figure.update_xaxes(type="log", title="selected neurons (top % of all, log)")
    figure.update_yaxes(title="shared neurons (% of a top)", rangemode="tozero")
    return figure


def _table(tops: pl.DataFrame) -> str:
    frame = tops.select(
        pl.col("kind").map_elements(_kind_text, return_dtype=pl.String).alias("what is compared"),
        pl.col("label").str.replace("_", "-").alias("maps of"),
        pl.col("collections").list.join(" × ").alias("collections"),
        pl.col("methods")
        .list.eval(pl.element().fill_null("").map_elements(method_text, return_dtype=pl.String))
        .list.join(" × ")
        .alias("method"),
        pl.col("top_percent").alias("level (%)"),
        pl.col("n_selected").alias("selected"),
        pl.col("n_shared").alias("shared"),
        pl.col("shared_percent").alias("shared (%)"),
        pl.col("expected_percent").alias("chance (%)"),
        pl.col("expected_low").alias("chance, low"),
        pl.col("expected_high").alias("chance, high"),
        pl.col("times_chance").alias("times chance"),
        pl.col("p_value_chance").alias("p of chance"),
    )
    percents = dict.fromkeys(["shared (%)", "times chance"], "{:.1f}")
    percents |= dict.fromkeys(["chance (%)", "chance, low", "chance, high"], "{:.2f}")
    return table(
        "shares-table",
        frame,
        "Every set of maps at the study's levels: shared is the part of one map's top that is in "
        "the tops of all; chance is that of independent random tops with its exact 95 % interval; "
        "p is the probability that random tops share as many (at least 1e-12, not corrected for "
        "the number of rows).",
        formats=percents | {"level (%)": "{:g}", "p of chance": "{:.2g}"},
    )


def _kind_text(kind: str) -> str:
    base = kind.removesuffix(_WITHOUT)
    words = _KINDS.get(base, base.replace("_", " "))
    return words if base == kind else f"{words}, without outliers"
