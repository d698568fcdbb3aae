"""Which tokens decide: what p loses without them, [CLS] and [SEP], and what neurons look at."""

from __future__ import annotations

import json

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import (
    chosen,
    collection_text,
    method_text,
    of_collections,
    options,
    rounded,
)
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.plots import PALETTE, plot
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.tables import table
from relevance_neurons.report.explorer.token_kinds import kinds_looked_at
from relevance_neurons.tokens.methods import two_thirds

_WAYS = {"deletion": "deleted", "mask": "replaced by [MASK]"}
_ORDERS = {"most": "most important first", "least": "least important first"}
_PARTS = {"cls": "[CLS]", "sep1": "first [SEP]", "sep2": "last [SEP]"}
_PARTS |= {"query": "query", "passage": "passage"}
_VALUES = {"scaled": "mean score of a token, scaled to 0–1 within its pair"}
_VALUES |= {"weight": "share of all scores of the pair (%)"}
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")


def token_views(results: Results) -> Section | None:
    """What is known of tokens; None where no token was scored, by pair or by neuron."""
    parts = []
    if results.has("degradation_curves"):
        parts.append(_removed(results))
    if results.has("degradation_areas"):
        parts.append(_drops_table(results))
    if results.has("special_tokens"):
        parts.append(_special(results))
    if results.has("token_scores"):
        parts.append(
            "<p>The tokens of single pairs, coloured by their scores, are in <a "
            'href="token_maps.html">'
            "token_maps.html</a>, the file beside this one.</p>"
        )
    if results.has("neuron_tokens") and results.has("schemes"):
        parts.append(kinds_looked_at(results))
    found = "\n".join(filter(None, parts))
    if not found:
        return None
    lead = "Which tokens the ranker's decision rests on, and which kinds of tokens neurons look at."
    return Section("token_views", "Which tokens", lead, found)


def asked_layer(results: Results) -> int | None:
    """The layer at which methods with layers are compared; None where no method has any."""
    layer = json.loads(results.study.get("tokens.layer", "null"))
    if layer is not None or not results.has("token_statistics"):
        return layer
    return two_thirds(1 + results.query("token_layers")["last"].item())


def _removed(results: Results) -> str:
    layer = asked_layer(results)
    curves = results.query("token_curves", layer=-1 if layer is None else layer)
    methods = curves["method"].unique(maintain_order=True).to_list()
    at = "" if layer is None else f" Methods with layers are at layer {layer} (from 0)."
    views = {}
    for (collection, way, order), rows in curves.group_by(
        "collection", "removal", "order", maintain_order=True
    ):
        n_pairs, n_queries = rows["n_pairs"].max(), rows["n_queries"].max()
        views[collection, way, order] = plot(
            f"tokens-removed-{len(views)}",
            _curves(rows, methods),
            f"Mean p of the label, tokens {_WAYS.get(way, way)}, {_ORDERS.get(order, order)} "
            f"({n_pairs} pairs of {n_queries} queries, {collection_text(collection)}), with 95 % "
            "bootstrap intervals over queries; special tokens stay. Most important first, a good "
            "method falls fast; least important first, it stays up." + at,
            height=420,
        )
    controls = [
        Control("collection", "Collection", options(of_collections(curves), collection_text)),
        Control("removal", "Tokens are", _there(_WAYS, curves["removal"])),
        Control("order", "Order", _there(_ORDERS, curves["order"])),
    ]
    return "<h3>What p loses without tokens</h3>" + switched("tokens-removed", controls, views)


def _there(names: dict[str, str], found: pl.Series) -> list[tuple[str, str]]:
    return [(one, names.get(one, one)) for one in chosen(names, found)]


def _curves(rows: pl.DataFrame, methods: list[str]) -> go.Figure:
    figure = go.Figure()
    for method in dict.fromkeys(rows["method"]):
        index = methods.index(method)
        own = rows.filter(method=method).sort("step")
        add_band(
            figure,
            own,
            ("removed_percent", "p_label", "p_label_low", "p_label_high"),
            index,
            method_text(method),
        )
    figure.update_xaxes(title="tokens removed (%)")
    figure.update_yaxes(title="p of the label", range=[0, 1])
    return figure


def add_band(
    figure: go.Figure, rows: pl.DataFrame, columns: tuple[str, ...], index: int, name: str
) -> None:
    """A line with its interval; ``columns``: of x, y, the interval's low and high end."""
    x, y, low, high = (rounded(rows[column]) for column in columns)
    colour = PALETTE[index % len(PALETTE)]
    if None not in low and None not in high:
        figure.add_scatter(
            x=x + x[::-1],
            y=high + low[::-1],
            fill="toself",
            fillcolor=colour,
            opacity=0.18,
            mode="lines",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=name,
        )
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        name=name,
        legendgroup=name,
        line={"color": colour, "dash": _DASHES[index % len(_DASHES)]},
        marker={"symbol": _SYMBOLS[index % len(_SYMBOLS)], "size": 6},
        customdata=list(zip(low, high, strict=True)),
        hovertemplate="%{y:.3g} [%{customdata[0]:.3g}, %{customdata[1]:.3g}]",
    )


def _drops_table(results: Results) -> str:
    drops = results.query("token_drops")
    interval = {}
    for name, words in (("first_drop", "first drop"), ("mean_drop", "mean drop"), ("area", "area")):
        interval |= {words: name, f"{words}, low": f"{name}_low", f"{words}, high": f"{name}_high"}
    frame = drops.select(
        pl.col("collection").replace({"all": collection_text("all")}),
        pl.col("method").map_elements(method_text, return_dtype=pl.String),
        "layer",
        pl.col("removal").replace(_WAYS).alias("tokens are"),
        pl.col("order").replace(_ORDERS),
        *(pl.col(column).alias(words) for words, column in interval.items()),
        pl.col("drop_difference").alias("mean drop less the first method's"),
        pl.col("p_value_holm").alias("p (Holm)"),
        pl.col("n_pairs").alias("pairs"),
        pl.col("n_queries").alias("queries"),
    )
    formats = dict.fromkeys([*interval, "mean drop less the first method's"], "{:.3f}")
    return table(
        "tokens-drops",
        frame,
        "The curves in numbers, each with its 95 % bootstrap interval over queries. First drop: "
        "mean p of whole pairs less that after the first step; mean drop: over all steps, not "
        "normalised; area: under the normalised curve (most important first: small is good). p: "
        "paired t-test over queries of the mean drop against the first method's, Holm over the "
        "table; empty where a method is not compared.",
        formats=formats | {"p (Holm)": "{:.2g}"},
    )


def _special(results: Results) -> str:
    parts = results.query("token_parts")
    if parts.is_empty():
        return ""
    views = {}
    for (collection, method), rows in parts.group_by("collection", "method", maintain_order=True):
        for value, words in _VALUES.items():
            views[collection, method, value] = plot(
                f"tokens-parts-{len(views)}",
                _layers(rows, value, words),
                f"Special tokens, query and passage behind each layer (from 0): {words}; "
                f"{method_text(method)}, {rows['n_pairs'].max()} pairs of "
                f"{rows['n_queries'].max()} queries, 95 % bootstrap intervals over queries.",
                height=400,
            )
    controls = [
        Control("collection", "Collection", options(of_collections(parts), collection_text)),
        Control("method", "Method", options(parts["method"].unique().sort(), method_text)),
        Control("value", "Shown", list(_VALUES.items())),
    ]
    return "<h3>[CLS] and [SEP], layer by layer</h3>" + switched("tokens-parts", controls, views)


def _layers(rows: pl.DataFrame, value: str, words: str) -> go.Figure:
    figure = go.Figure()
    first = "weight_percent" if value == "weight" else value
    for index, (part, name) in enumerate(_PARTS.items()):
        own = rows.filter(part=part).sort("layer")
        if not own.is_empty():
            add_band(figure, own, ("layer", first, f"{value}_low", f"{value}_high"), index, name)
    figure.update_xaxes(
        title="layer (0: nearest to the input)", dtick=1 if len(rows) < 75 else None
    )
    figure.update_yaxes(title=words.split(",")[0].replace(" of the pair", ""), rangemode="tozero")
    return figure
