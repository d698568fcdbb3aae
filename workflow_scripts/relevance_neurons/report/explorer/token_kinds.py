"""Which kinds of tokens a scheme's neurons take their scores from, beside all neurons."""

from __future__ import annotations

import json

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import (
    key,
    level_text,
    options,
    own_first,
    rounded,
)
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.plots import PALETTE, plot
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.words import method_of_scheme, own_method
from relevance_neurons.report.names import parted, scheme_label
from relevance_neurons.selection.schemes import FAMILIES

_KINDS = {"cls": "[CLS]", "query": "query", "match": "passage word of the query"}
_KINDS |= {"passage": "other passage words", "sep": "other special tokens"}
_PATTERNS = ("", "/", "x", ".", "-")
_ROW = 24


def kinds_looked_at(results: Results) -> str:
    """A bar a component for the scheme's neurons and one for all; '' where no map has kinds."""
    found = scheme_maps(results)
    shares = results.query("looked_at", maps=found) if found else pl.DataFrame()
    if shares.is_empty():
        return ""
    views = {
        (scheme, key(level)): plot(
            f"tokens-kinds-{number}",
            _bars(rows),
            f"Share of each kind of token in the sum of |score|, of the neurons of "
            f"{scheme_label(scheme)} at {level_text(level)} in each component (in brackets how "
            "many) and, for comparison, of all neurons of the component, each layer counting as "
            "much as it does for the scheme's. Most tokens are the passage's: compare the two "
            "bars.",
            height=210 + 2 * _ROW * rows["component"].n_unique(),
        )
        for number, ((scheme, level), rows) in enumerate(
            shares.group_by("scheme", "top_percent", maintain_order=True)
        )
    }
    controls = [
        Control("scheme", "Scheme", options(own_first(shares["scheme"]), scheme_label)),
        Control("level", "Level", options(shares["top_percent"].unique().sort(), level_text)),
    ]
    return "<h3>What neurons look at</h3>" + switched("tokens-kinds", controls, views)


def scheme_maps(results: Results) -> list[dict[str, object]]:
    """scheme, labels and method of each scheme, as far as its name or the study file says."""
    methods = results.query("methods_by_kind")["method"].to_list()
    if not methods:
        return []
    own = own_method(results) if any(methods) else ""  # '': the table names no method
    found = []
    for scheme in results.query("scheme_names")["scheme"]:
        base = parted(scheme)[0]
        given = results.study.get(f"selection.schemes.{scheme}.labels")
        labels = json.loads(given) if given else FAMILIES.get(base.partition("_")[0])
        method = method_of_scheme(results, scheme, own) if own else ""
        if labels and method in methods:
            found.append({"scheme": scheme, "labels": list(labels), "method": method})
    return found


def _bars(rows: pl.DataFrame) -> go.Figure:
    figure = go.Figure()
    names = []
    for component, own in rows.group_by("component", maintain_order=True):
        n_neurons = own["n_neurons"][0]
        names.append((component[0], f"{component[0]} ({n_neurons:,})"))
    labels = [text for _, name in names for text in (name, f"{name.split(' ')[0]}, all")]
    for index, (kind, words) in enumerate(_KINDS.items()):
        own = {row["component"]: row for row in rows.filter(kind=kind).to_dicts()}
        values = []
        for component, _ in names:
            row = own.get(component, {"selected_percent": 0, "all_percent": 0})
            values += [row["selected_percent"], row["all_percent"]]
        figure.add_bar(
            y=labels,
            x=rounded(values, 2),
            orientation="h",
            name=words,
            marker={
                "color": PALETTE[index % len(PALETTE)],
                "pattern": {"shape": _PATTERNS[index % len(_PATTERNS)], "fillmode": "overlay"},
            },
            hovertemplate="%{y}: %{x:.1f} %<extra>" + words + "</extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.15, legend={"traceorder": "normal"})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(title="share of Σ |score| (%)", range=[0, 100])
    return figure
