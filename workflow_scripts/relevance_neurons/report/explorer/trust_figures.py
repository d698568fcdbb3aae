"""Figures of the checks: the ranker beside the first stage, and halves of the pairs."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import (
    LABELS,
    chosen,
    label_text,
    method_text,
    methods_first,
    options,
    rounded,
)
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.dots import GREY, add_dots, name_lines
from relevance_neurons.report.explorer.plots import PALETTE, plot
from relevance_neurons.report.explorer.results import Results

_RANKINGS = {"bm25": "first stage (BM25)", "run": "first stage (own run)"}
_RANKINGS |= {"reranker": "the whole ranker"}
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_TOLD = "%{customdata[0]}: %{x:.3f}, %{customdata[1]} queries (%{customdata[2]} with nothing found)"


def quality_figure(rows: pl.DataFrame) -> str:
    """Mean of the measure of the first stage and of the ranker on each collection."""
    names = rows["collection"].unique().sort().to_list()
    figure = go.Figure()
    for index, ranking in enumerate(chosen(_RANKINGS, rows["ranking"])):
        own = rows.filter(ranking=ranking)
        is_ranker = ranking == "reranker"
        places = [names.index(one) + (0.12 if is_ranker else -0.12) for one in own["collection"]]
        look = PALETTE[index % len(PALETTE)], "circle" if is_ranker else "square-open"
        text = _RANKINGS.get(ranking, ranking)
        trace = add_dots(figure, own, ("value", "ci_low", "ci_high"), places, text, *look)
        trace.customdata = own.select("collection", "n_queries", "n_not_found").rows()
        trace.hovertemplate = _TOLD
    name_lines(figure, names)
    measures = ", ".join(rows["measure"].unique().sort())
    figure.update_xaxes(title=measures)
    queries = rows["n_queries"]
    counted = (
        f"{queries.min()}"
        if queries.min() == queries.max()
        else (f"{queries.min()} to {queries.max()}")
    )
    return plot(
        "trust-quality",
        figure,
        f"Mean {measures} over queries ({counted} a collection) of the first stage and of the "
        "whole ranker, with 95 % bootstrap intervals over queries. Both rank the same passages, "
        "the first stage's best, against all judgments; the ablations' smaller pools hold every "
        "relevant passage, so their values are higher.",
        height=130 + 42 * len(names),
    )


def halves_figure(results: Results) -> str:
    """What two halves of a map's pairs share, a line a collection, by method and label."""
    rows = results.query("halves")
    views = {}
    for (method, label), own in rows.group_by("method", "label", maintain_order=True):
        halves = own["n_halvings"]
        views[method, label] = plot(
            f"trust-halves-{len(views)}",
            _halves(own),
            f"Neurons that the tops of two random halves of a collection's pairs share; mean of "
            f"{halves.min()} or more random halvings, {label_text(label)}, {method_text(method)}. "
            "Chance: independent tops share as many percent as are selected. At the left end few "
            "neurons are selected, and one more or less moves a line far.",
            height=380,
        )
    controls = [
        Control("method", "Method", options(methods_first(results, rows["method"]), method_text)),
        Control("label", "Maps of", options(chosen(LABELS, rows["label"]), label_text)),
    ]
    return switched("trust-halves", controls, views)


def _halves(rows: pl.DataFrame) -> go.Figure:
    figure = go.Figure()
    for index, collection in enumerate(rows["collection"].unique().sort()):
        own = rows.filter(collection=collection).sort("top_percent")
        figure.add_scatter(
            x=own["top_percent"].to_list(),
            y=rounded(own["shared_percent"], 2),
            mode="lines",
            name=f"{collection} ({own['n_pairs_half'].max()} pairs a half)",
            line={
                "color": PALETTE[index % len(PALETTE)],
                "dash": _DASHES[index % len(_DASHES)],
            },
            customdata=own.select("lowest", "highest", "n_halvings").rows(),
            hovertemplate="%{y:.1f} % [%{customdata[0]:.1f}, %{customdata[1]:.1f}], "
            "%{customdata[2]} halvings",
        )
    levels = rows["top_percent"].unique().sort().to_list()
    chance = {"color": GREY, "dash": "dot"}
    figure.add_scatter(x=levels, y=levels, mode="lines", name="chance", line=chance)
    figure.update_xaxes(type="log", title="selected neurons (top % of all, log)")
    figure.update_yaxes(title="shared by two halves (%)", rangemode="tozero")
    return figure
