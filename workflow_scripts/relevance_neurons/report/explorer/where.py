"""Where the selected neurons are: layer by component, for a method, scheme and level."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import level_text
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.plots import SEQUENTIAL, plot
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.words import (
    component_words,
    method_of_scheme,
    method_words,
    own_method,
)
from relevance_neurons.report.names import parted


def where(results: Results) -> Section | None:
    """Heat maps of how many of a component's neurons a scheme has."""
    if not (results.has("schemes") and results.has("neuron_scores")):
        return None
    blocks, layers = results.query("where_blocks"), results.query("where_layers")
    own = own_method(results)
    keys = {
        (row[0], row[1]): (
            method_of_scheme(results, row[0], own),
            parted(row[0])[0],
            f"{row[1]:g}",
        )
        for row in blocks.select("scheme", "top_percent").unique(maintain_order=True).iter_rows()
    }
    views = {
        key: plot(f"where-{number}", *_drawn(blocks, layers, scheme, top_percent))
        for number, ((scheme, top_percent), key) in enumerate(keys.items())
    }
    return Section(
        "where",
        "Where the neurons are",
        "How much of each component of each layer is among the neurons of a scheme.",
        switched("where", _controls(list(keys.values()), own), views),
    )


def _controls(keys: list[tuple[str, str, str]], own: str) -> list[Control]:
    methods = sorted({key[0] for key in keys}, key=lambda one: (one != own, one))
    schemes = list(dict.fromkeys(key[1] for key in sorted(keys, key=lambda key: key[0] != own)))
    levels = sorted({key[2] for key in keys}, key=float, reverse=True)
    return [
        Control("method", "Method", [(one, method_words(one)) for one in methods]),
        Control("scheme", "Scheme", [(one, one) for one in schemes]),
        Control("level", "Level", [(one, level_text(float(one))) for one in levels]),
    ]


def _drawn(
    blocks: pl.DataFrame, layers: pl.DataFrame, scheme: str, top_percent: float
) -> tuple[go.Figure, str]:
    rows = layers.join(
        blocks.filter(scheme=scheme, top_percent=top_percent).drop("n_neurons"),
        on=["layer", "component"],
        how="left",
        maintain_order="left",
    ).with_columns(pl.col("n_selected", "selected_percent").fill_null(0))
    n_selected, n_neurons = int(rows["n_selected"].sum()), int(rows["n_neurons"].sum())
    most = rows.sort("selected_percent", descending=True).row(0, named=True)
    words = (
        f"The {n_selected:,} of {n_neurons:,} neurons of {scheme} ({level_text(top_percent)}): "
        "percent of each component's neurons that are among them. Spread evenly over the ranker, "
        f"every cell would have {100 * n_selected / n_neurons:.3g} %. The largest share: "
        f"{component_words(most['component'])} of layer {most['layer']}, "
        f"{most['selected_percent']:.3g} % ({most['n_selected']:,} of {most['n_neurons']:,})."
    )
    return heat_map(rows), words


def heat_map(rows: pl.DataFrame) -> go.Figure:
    """Layer × component: the percent selected as colour, the number of neurons as text.

    ``rows``: layer, component, n_selected, n_neurons, selected_percent; every cell once, in order.
    """
    components = rows["component"].unique(maintain_order=True).to_list()
    n_layers = rows["layer"].n_unique()
    layers = rows["layer"].unique().sort().to_list()
    shares, counts = (np.full((n_layers, len(components)), np.nan) for _ in range(2))
    totals = np.full_like(shares, np.nan)
    for row in rows.iter_rows(named=True):
        place = layers.index(row["layer"]), components.index(row["component"])
        shares[place], counts[place] = row["selected_percent"], row["n_selected"]
        totals[place] = row["n_neurons"]
    figure = go.Figure(
        go.Heatmap(
            x=[component_words(one) for one in components],
            y=layers,
            z=np.round(shares, 4),
            customdata=np.dstack([counts, totals]),
            colorscale=SEQUENTIAL,
            zmin=0,
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": "%"}, "thickness": 14},
            hovertemplate="layer %{y}, %{x}: %{z:.3g} %"
            "<br>%{customdata[0]:,} of %{customdata[1]:,} neurons<extra></extra>",
        )
    )
    figure.update_xaxes(title="Component", showgrid=False)
    figure.update_yaxes(title="Layer", dtick=1 if n_layers <= 12 else 2, showgrid=False)
    return figure
