"""Which selected neurons are of the found heads, beside chance."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import key, level_text, options, rounded
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.dots import BAR, name_lines, upright
from relevance_neurons.report.explorer.plots import PALETTE, plot
from relevance_neurons.report.names import scheme_label

_SYMBOLS = ("circle", "square", "diamond", "triangle-up")


def neurons_in_heads(rows: pl.DataFrame, significance: float) -> str:
    """A figure by level and kind of heads; ``rows``: of neurons_in_heads.sql."""
    views = {}
    for (level, kind), own in rows.group_by("top_percent", "kind", maintain_order=True):
        if own["n_heads_neurons"].sum():
            views[key(level), kind] = plot(
                f"heads-neurons-{len(views)}",
                _times_chance(own, significance),
                f"Neurons of the top {level_text(level)} that are of {kind} heads, as a multiple "
                "of chance (1), with chance's 95 % interval in grey; filled: p ≤ "
                f"{significance:g}, not corrected for the number of tests. Chance draws within "
                "the component and knows nothing of layers.",
                height=130 + 44 * own["scheme"].n_unique(),
            )
    controls = [
        Control("level", "Level", options(rows["top_percent"].unique().sort(), level_text)),
        Control("kind", "Heads", [(one, f"{one} heads") for one in rows["kind"].unique().sort()]),
    ]
    title = "<h3>Selected neurons in the found heads</h3>"
    if not views:
        return title + "<p>No head of either kind was found.</p>"
    return title + switched("heads-neurons", controls, views)


def _times_chance(rows: pl.DataFrame, significance: float) -> go.Figure:
    known = rows.filter(pl.col("expected") > 0)
    schemes = known["scheme"].unique(maintain_order=True).to_list()
    components = known["component"].unique(maintain_order=True).to_list()
    figure = go.Figure()
    xs, ys = [], []
    for index, component in enumerate(components):
        own = known.filter(component=component)
        places = [schemes.index(one) + 0.16 * (index - 1.5) for one in own["scheme"]]
        _add_component(figure, own, places, index, significance)
        for place, row in zip(places, own.iter_rows(named=True), strict=True):
            if row["expected_low"] is not None:
                ends = (row[f"expected_{end}"] / row["expected"] for end in ("low", "high"))
                xs += [*rounded(ends, 3), None]
                ys += [place, place, None]
    look = {"mode": "lines", "name": "95 % interval of chance", "hoverinfo": "skip"}
    figure.add_scatter(x=xs, y=ys, line={"width": 7, "color": BAR}, **look)
    figure.update_layout(shapes=[upright(1)])
    name_lines(figure, [scheme_label(one).replace(" · ", "<br>") for one in schemes])
    figure.update_xaxes(title="times chance", rangemode="tozero")
    return figure


def _add_component(
    figure: go.Figure, rows: pl.DataFrame, places: list[float], index: int, significance: float
) -> None:
    """Markers of a component's schemes, filled where p is small."""
    base = _SYMBOLS[index % len(_SYMBOLS)]
    filled = [one is not None and one <= significance for one in rows["p_value"]]
    colour = PALETTE[index % len(PALETTE)]
    symbols = [base if one else f"{base}-open" for one in filled]
    figure.add_scatter(
        x=rounded(rows["times_chance"], 3),
        y=places,
        mode="markers",
        cliponaxis=False,
        name=rows["component"][0].replace("_", " "),
        marker={"symbol": symbols, "color": colour, "size": 9},
        customdata=rows.select("shared", "expected", "n_scheme", "p_value").rows(),
        hovertemplate="%{customdata[0]} shared, chance %{customdata[1]:.2f}, of "
        "%{customdata[2]} selected<br>p %{customdata[3]:.2g}",
    )
