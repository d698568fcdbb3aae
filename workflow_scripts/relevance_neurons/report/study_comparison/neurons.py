"""Sections on neurons: which ones schemes share, and how far maps agree."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import level_text
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.plots import PALETTE, plot, style
from relevance_neurons.report.study_comparison.choices import (
    BETWEEN,
    METHOD,
    chosen,
    listing,
    pairs,
    rows_of,
    with_method,
)
from relevance_neurons.report.study_comparison.compare import StudyComparison

_ROW, _FRAME = 22, 110
"""Pixels: a row of a figure, and its axes and legend."""
_PAIR = {"study_a": ("First", None), "study_b": ("Second", None)}
_CHANCE = {
    "shared_percent": ("Shared (%)", "{:.2f}"),
    "expected_percent": ("By chance (%)", "{:.2f}"),
    "expected_low": ("Chance from (%)", "{:.2f}"),
    "expected_high": ("Chance to (%)", "{:.2f}"),
    "p_value_chance": ("p of chance", "{:.2g}"),
}
_SHARED = {
    **_PAIR,
    "scheme": ("Scheme", None),
    "top_percent": ("Level (%)", "{:g}"),
    "n_a": ("Neurons, {a}", "{:,}"),
    "n_b": ("Neurons, {b}", "{:,}"),
    "n_shared": ("In both", "{:,}"),
    **_CHANCE,
    "n_possible": ("Picked from", "{:,}"),
}
_KEY = {
    "collection": ("Collection", None),
    "label": ("Label", None),
    "method": ("Method", None),
}
_MAPS = {
    **_PAIR,
    **_KEY,
    "kendall_tau": ("Kendall's τ", "{:.3f}"),
    "spearman": ("Spearman's ρ", "{:.3f}"),
    "n_neurons": ("Neurons", "{:,}"),
    "n_pairs_a": ("Pairs, {a}", "{:,}"),
    "n_pairs_b": ("Pairs, {b}", "{:,}"),
    "n_pairs_both": ("Pairs in both", "{:,}"),
}
_TOPS = {
    **_PAIR,
    **_KEY,
    "top_percent": ("Level (%)", "{:g}"),
    "n_selected": ("Neurons", "{:,}"),
    "n_shared": ("In both", "{:,}"),
    **_CHANCE,
}


def shared(comparison: StudyComparison) -> Section | None:
    """Which neurons the schemes have in common; None where no scheme is comparable."""
    frame = comparison.shared_neurons
    if frame.is_empty():
        return None
    drawn = with_method(frame).drop_nulls("shared_percent")
    choices = {**METHOD, "top_percent": ("Level", level_text)}
    figure = chosen("shared", drawn, choices, _draw_shared) if len(drawn) else ""
    caption = (
        "Every scheme and level of both studies: shared is a share of the smaller of the two sets; "
        "chance is exact (hypergeometric), of independent random sets of these sizes"
    )
    every = listing("shared-neurons", frame, _SHARED, caption)
    lead = "How many of the neurons that a scheme picks in one study it picks in the other too."
    return Section("shared", "The neurons they share", lead, f"{figure}\n{every}")


def _draw_shared(name: str, rows: pl.DataFrame) -> str:
    schemes = rows["family"].to_list()
    figure = go.Figure()
    expected, low, high = (rows[f"expected_{end}"] for end in ("percent", "low", "high"))
    figure.add_scatter(
        x=expected.to_list(),
        y=schemes,
        mode="markers",
        name="by chance, 95 %",
        marker={"color": PALETTE[1], "symbol": "line-ns-open", "size": 9},
        error_x={
            "type": "data",
            "array": (high - expected).to_list(),
            "arrayminus": (expected - low).to_list(),
            "thickness": 4,
            "width": 0,
        },
        hovertemplate="%{y}: %{x:.2f} % by chance<extra></extra>",
    )
    figure.add_scatter(
        x=rows["shared_percent"].to_list(),
        y=schemes,
        mode="markers",
        name="shared",
        marker={"color": PALETTE[0], "size": 9},
        customdata=rows.select("n_shared", "n_a", "n_b", "p_value_chance").rows(),
        hovertemplate="%{y}: %{x:.1f} %, %{customdata[0]} of %{customdata[1]} and "
        "%{customdata[2]}; p = %{customdata[3]:.2g}<extra></extra>",
    )
    figure.update_xaxes(title="shared neurons (%)", range=[-3, 103])
    rows_of(figure, len(schemes))
    (a, b), *_ = pairs(rows)
    words = f"Neurons that schemes share in {a} and {b}, in percent, beside what chance gives."
    return plot(name, style(figure), words, height=_FRAME + _ROW * len(schemes))


def maps(comparison: StudyComparison) -> Section | None:
    """How alike maps order all neurons; None where no map is comparable."""
    frame, tops = comparison.maps, comparison.map_tops
    if frame.is_empty():
        return None
    parts = [
        chosen("map-ranks", frame, METHOD, _draw_maps, across=True),
        listing("maps", frame, _MAPS, "Every map of both studies, over all neurons"),
    ]
    if len(tops):
        caption = "What the tops of these maps share, beside independent random tops"
        parts.append(listing("map-tops", tops, _TOPS, caption))
    lead = (
        "How alike the studies order all neurons: 1 is the same order, 0 is none in common. A map "
        "is of a collection, a label and a method."
    )
    return Section("maps", "How alike their maps are", lead, "\n".join(parts))


def _draw_maps(name: str, frame: pl.DataFrame) -> str:
    """All pairs of studies in one figure."""
    frame = frame.with_columns(map=pl.format("{} · {}", "collection", "label"))
    names = frame["map"].unique(maintain_order=True).to_list()
    figure = go.Figure()
    for place, (a, b) in enumerate(pairs(frame)):
        rows = frame.filter(study_a=a, study_b=b)
        figure.add_scatter(
            x=rows["kendall_tau"].to_list(),
            y=rows["map"].to_list(),
            mode="markers",
            name=f"{a}{BETWEEN}{b}",
            marker={"color": PALETTE[place % len(PALETTE)], "size": 9, "symbol": place % 20},
            hovertemplate="%{y}: τ = %{x:.3f}<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(title="Kendall's τ over all neurons")
    figure.update_yaxes(categoryorder="array", categoryarray=names)
    rows_of(figure, len(names))
    figure.update_layout(showlegend=True)
    words = "Rank correlation, Kendall's tau, of the same map in two studies."
    return plot(name, style(figure), words, height=_FRAME + _ROW * len(names))
