"""Section on losses: what both rankers lose under the same ablations."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import level_text
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.plots import PALETTE, plot, style
from relevance_neurons.report.study_comparison.choices import (
    METHOD,
    Words,
    chosen,
    listing,
    pairs,
    rows_of,
    with_method,
)
from relevance_neurons.report.study_comparison.compare import StudyComparison

_ROW, _FRAME = 30, 110
"""Pixels: a row of a figure, and its axes and legend."""
_EFFECTS = {
    "study_a": ("First", None),
    "study_b": ("Second", None),
    "collection": ("Collection", None),
    "scheme": ("Switched off", None),
    "top_percent": ("Level (%)", "{:g}"),
    "original_a": ("Whole ranker, {a}", "{:.3f}"),
    "original_b": ("Whole ranker, {b}", "{:.3f}"),
    "difference_percent_a": ("Change (%), {a}", "{:+.2f}"),
    "difference_percent_b": ("Change (%), {b}", "{:+.2f}"),
    "change_a": ("Change, {a}", "{:+.4f}"),
    "change_b": ("Change, {b}", "{:+.4f}"),
    "difference": ("{b} less {a}", "{:+.4f}"),
    "difference_low": ("from", "{:+.4f}"),
    "difference_high": ("to", "{:+.4f}"),
    "p_value": ("p", "{:.2g}"),
    "p_value_holm": ("p (Holm)", "{:.2g}"),
    "n_paired": ("Queries", "{:,}"),
    "not_paired": ("Why there is no test", None),
}


def losses(comparison: StudyComparison) -> Section | None:
    """What both rankers lose; None where they measured no ablation in common."""
    frame = comparison.effects
    if frame.is_empty():
        return None
    drawn = with_method(frame).drop_nulls(["difference_percent_a", "difference_percent_b"])
    choices: dict[str, tuple[str, Words]]
    choices = {"collection": ("Collection", str), **METHOD, "top_percent": ("Level", level_text)}
    figure = chosen("losses", drawn, choices, _draw) if len(drawn) else ""
    caption = (
        "Every ablation that both studies measured. Change: of the measure, as a percentage of the "
        "whole ranker's and, where queries are paired, in its own unit; the second less the first: "
        "below 0 the second loses more, with its 95 % bootstrap interval over queries, the "
        "two-tailed paired t-test and Holm's correction over all pairs of studies"
    )
    tested = listing("losses-tested", frame, _EFFECTS, caption)
    lead = "What the rankings lose without a scheme's neurons, in both studies."
    return Section("losses", "What they lose", lead, f"{figure}\n{tested}")


def _draw(name: str, rows: pl.DataFrame) -> str:
    (a, b), *_ = pairs(rows)
    schemes = rows["family"].to_list()
    figure = go.Figure()
    for place, (side, study) in enumerate((("a", a), ("b", b))):
        change, low, high = (
            rows[f"{column}_{side}"] for column in ("difference_percent", "ci_low", "ci_high")
        )
        figure.add_bar(
            x=change.to_list(),
            y=schemes,
            orientation="h",
            name=study,
            marker={"color": PALETTE[place], "pattern": {"shape": ["", "/"][place]}},
            error_x={
                "type": "data",
                "color": PALETTE[6],
                "array": (high - change).to_list(),
                "arrayminus": (change - low).to_list(),
            },
            customdata=rows.select(f"n_neurons_{side}", "p_value_holm").rows(),
            hovertemplate="%{y}: %{x:+.2f} %, %{customdata[0]} neurons off"
            "<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(title="change (%), 95 % interval")
    rows_of(figure, len(schemes))
    figure.update_layout(barmode="group")
    words = f"Change of the measure without the neurons of each scheme, in {a} and in {b}."
    return plot(name, style(figure), words, height=_FRAME + _ROW * len(schemes))
