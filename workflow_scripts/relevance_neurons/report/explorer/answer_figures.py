"""Figures of the answer: loss curves by method, or the effects of a study without curves."""

from __future__ import annotations

from itertools import product

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import collection_text, key, level_text
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.forest import forest, forest_height
from relevance_neurons.report.explorer.plots import BAND, MARKERS, PALETTE, faded, plot
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.names import EVERY, method_label

_ABLATED = {
    "top": "the most important neurons",
    "bottom": "the least important neurons",
    "keep_only": "all but the most important",
}
_RANDOM = "random"


def curve_views(results: Results, measure: str) -> str:
    """Loss curves, a line a method; selects for the scheme, the collection and what is off."""
    curves = results.query("answer_curves")
    methods = curves["method"].unique(maintain_order=True).to_list()
    families = curves["family"].unique(maintain_order=True).to_list()
    names = curves["collection"].unique(maintain_order=True).to_list()
    names.sort(key=lambda one: one != EVERY)
    ablated = [one for one in _ABLATED if one in set(curves["ablated"])]
    controls = [
        Control("scheme", "Neurons of", [(one, one) for one in families]),
        Control("collection", "Collection", [(one, collection_text(one)) for one in names]),
        Control("off", "Switched off", [(one, _ABLATED[one]) for one in ablated]),
    ]
    views = {}
    for number, place in enumerate(product(families, names, ablated)):
        rows = curves.filter(family=place[0], collection=place[1])
        if rows.filter(ablated=place[2]).height:
            figure = curve_figure(rows, place[2], methods, measure)
            views[place] = plot(f"curves-{number}", figure, _words(place, measure), height=420)
    return switched("curves", controls, views)


def curve_figure(curves: pl.DataFrame, ablated: str, methods: list[str], measure: str) -> go.Figure:
    """A line a method over the number of neurons, its interval, and the random draws' range."""
    figure = go.Figure()
    if ablated != "keep_only":  # as many random neurons off are no control of what is kept
        draws = curves.filter(ablated=_RANDOM).group_by("n_neurons")
        _band(
            figure,
            draws.agg(pl.min("draw_low"), pl.max("draw_high")).drop_nulls().sort("n_neurons"),
        )
    for index, method in enumerate(methods):
        curve = curves.filter(ablated=ablated, method=method).sort("n_neurons")
        if curve.height:
            _line(figure, curve, method_label(method), index)
    off = "Neurons kept" if ablated == "keep_only" else "Neurons switched off"
    figure.update_xaxes(title=f"{off} (log scale)", type="log", **_ticks(curves["n_neurons"]))
    figure.update_yaxes(title=f"Change of {measure} (%)", zeroline=True)
    return figure


def _ticks(numbers: pl.Series) -> dict[str, list]:
    """Ticks at what was measured, without those too near to the one before."""
    shown: list[int] = []
    for one in numbers.unique().sort().to_list():
        if one > 0 and (not shown or one >= 1.6 * shown[-1]):
            shown.append(one)
    return {"tickvals": shown, "ticktext": [f"{one:,}" for one in shown]}


def _band(figure: go.Figure, draws: pl.DataFrame) -> None:
    if draws.height:
        figure.add_scatter(
            **_outline(draws, "draw_low", "draw_high"),
            fillcolor=BAND,
            name="random neurons, range of draws",
        )


def _line(figure: go.Figure, curve: pl.DataFrame, name: str, index: int) -> None:
    colour = PALETTE[index % len(PALETTE)]
    bounded = curve.drop_nulls(["ci_low", "ci_high"])
    figure.add_scatter(
        **_outline(bounded, "ci_low", "ci_high"),
        fillcolor=faded(colour),
        legendgroup=name,
        showlegend=False,
    )
    figure.add_scatter(
        x=curve["n_neurons"].to_list(),
        y=curve["difference_percent"].to_list(),
        customdata=curve.select("ci_low", "ci_high", "top_percent").rows(),
        name=name,
        legendgroup=name,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"symbol": MARKERS[index % len(MARKERS)], "size": 8},
        hovertemplate=(
            "%{x:,} neurons (%{customdata[2]:.3g} %)<br>%{y:.1f} % "
            "[%{customdata[0]:.1f}, %{customdata[1]:.1f}]"
        ),
    )


def _outline(rows: pl.DataFrame, low: str, high: str) -> dict[str, object]:
    """A closed area between two columns."""
    x = rows["n_neurons"].to_list()
    return {
        "x": x + x[::-1],
        "y": rows[low].to_list() + rows[high].to_list()[::-1],
        "fill": "toself",
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _words(place: tuple[str, str, str], measure: str) -> str:
    family, collection, ablated = place
    band = (
        ""
        if ablated == "keep_only"
        else " Grey: lowest to highest of single draws of as many random neurons, in the same "
        "layers and components as those of one of the methods; all methods' draws together."
    )
    return (
        f"Change of {measure} with {_ABLATED[ablated]} of {family} switched off, "
        f"{collection_text(collection)}; a line a method, shaded its 95 % interval over queries."
        + band
    )


def effect_views(effects: pl.DataFrame, measure: str) -> str:
    """The effects of every scheme, of a study without curves; a select for the level.

    ``effects``: the schemes' own rows of loss_effects.sql.
    """
    levels = effects["top_percent"].unique().sort(descending=True).to_list()
    collections = sorted(effects["collection"].unique())
    views = {}
    for number, one in enumerate(levels):
        rows = effects.filter(top_percent=one)
        views[(key(one),)] = plot(
            f"effects-{number}",
            forest(rows, None, collections, "significant_holm", measure),
            f"Change of {measure} without the {level_text(one)} of the neurons that a scheme ranks "
            "first, with its 95 % interval over queries; filled: significant after Holm's "
            "correction. Grey: lowest to highest of single draws of as many random neurons.",
            height=forest_height(rows["scheme"].n_unique(), len(collections)),
        )
    controls = [Control("level", "Level", [(key(one), level_text(one)) for one in levels])]
    return switched("effects", controls, views)
