"""What kinds of tokens a scheme's neurons look at, layer by layer, beside all neurons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relevance_neurons.attribution.token_kinds import TOKEN_KINDS
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.report.figures.style import (
    MIDDLE_GREY,
    PANEL_WIDTH,
    bottom_legend,
    colour,
    new_figure,
    note,
    styled,
)
from relevance_neurons.report.names import of_method, parted, scheme_label
from relevance_neurons.selection.schemes import FAMILIES

_TEXTS = {
    "cls": "[CLS]",
    "query": "query",
    "match": "passage, a word of the query",
    "passage": "passage, other words",
    "sep": "other special tokens",
}
_COLOURS = {"cls": 3, "query": 0, "match": 2, "passage": 4}
"""Of the style's; sep is grey."""
_N_COLUMNS = 3


@styled
def neuron_tokens_figure(
    neuron_tokens: pl.DataFrame,
    schemes: pl.DataFrame,
    scheme: str,
    top_percent: float,
    components: Sequence[str],
) -> Figure:
    """Shares of the kinds of tokens in Σ |score|, of a scheme's neurons and below it of all.

    ``neuron_tokens``: collection, label, layer, component, neuron, kind, score; of these the maps
    of the scheme, as far as its name says which, count, a neuron's score of a kind being the mean
    over them. ``schemes``: scheme, top_percent, layer, component, neuron. Two panels a component: a
    bar is a layer, and 100 % is Σ over its neurons and the kinds of |score|.

    Raises ``UserError`` if there is no such scheme or level, or no map of it.
    """
    for column, value in (("scheme", scheme), ("top_percent", top_percent)):
        found = schemes[column].unique().sort().to_list()
        if value not in found:
            raise UserError(f"figure neuron_tokens: found {column} {value}; allowed: {found}")
    scores = _of_scheme(neuron_tokens, scheme)
    chosen = schemes.filter(scheme=scheme, top_percent=top_percent)
    layers = np.arange(scores["layer"].max() + 1)
    n_rows = -(-len(components) // _N_COLUMNS)
    figure = new_figure(2 * PANEL_WIDTH, 0.7 + 2.3 * n_rows)
    figure.suptitle(
        f"{scheme_label(scheme)}, top {top_percent:g} %: share of the kinds of tokens in Σ |score|",
        x=0.01,
        ha="left",
        fontsize=8,
    )
    grid = figure.subplots(2 * n_rows, _N_COLUMNS, sharex=True, sharey=True, squeeze=False)
    for place, component in enumerate(components):
        row, column = divmod(place, _N_COLUMNS)
        upper, lower = grid[2 * row, column], grid[2 * row + 1, column]
        own = chosen.filter(component=component)
        of_component = scores.filter(component=component)
        _bars(upper, of_component.join(own, on=NEURON_COLUMNS, how="semi"), layers)
        _bars(lower, of_component, layers)
        upper.set_title(f"({'abcdefghijkl'[place]}) {component}: {own.height:,} selected")
        if own.is_empty():
            note(upper, "none selected")
    _label(figure, grid, len(components))
    return figure


def kind_shares(scores: pl.DataFrame) -> pl.DataFrame:
    """A row per layer and kind: layer, kind, share (0 to 1, of Σ |score| of the layer's rows).

    ``scores``: layer, kind, score. A layer whose scores are all 0 has no share.
    """
    sums = scores.group_by("layer", "kind").agg(size=pl.col("score").abs().sum())
    whole = pl.col("size").sum().over("layer")
    return sums.filter(whole > 0).select("layer", "kind", share=pl.col("size") / whole)


def _of_scheme(neuron_tokens: pl.DataFrame, scheme: str) -> pl.DataFrame:
    """Mean scores over the scheme's maps: layer, component, neuron, kind, score."""
    base, method = parted(scheme)
    family, _, collection = base.partition("_")
    maps = of_method(neuron_tokens, method)
    if family in FAMILIES:
        maps = maps.filter(pl.col("label").is_in(FAMILIES[family]))
        if collection in set(neuron_tokens["collection"]):
            maps = maps.filter(collection=collection)
    if maps.is_empty():
        found = neuron_tokens.select("collection", "label").unique().sort("collection", "label")
        raise UserError(
            f"figure neuron_tokens: no map of {scheme} was kept by kind of token; there are: "
            f"{', '.join('/'.join(row) for row in found.iter_rows()) or 'none'}"
        )
    return maps.group_by(*NEURON_COLUMNS, "kind").agg(pl.col("score").mean())


def _bars(axes: Axes, scores: pl.DataFrame, layers: np.ndarray) -> None:
    shares, bottom = kind_shares(scores), np.zeros(len(layers))
    for kind in TOKEN_KINDS:
        own = shares.filter(kind=kind)
        heights = np.zeros(len(layers))
        heights[own["layer"].to_numpy()] = 100 * own["share"].to_numpy()
        fill = colour(_COLOURS[kind]) if kind in _COLOURS else MIDDLE_GREY
        axes.bar(layers, heights, bottom=bottom, color=fill, label=_TEXTS[kind], width=0.84)
        bottom += heights
    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def _label(figure: Figure, grid: np.ndarray, n_panels: int) -> None:
    for place in range(n_panels, grid.size // 2):  # fewer components than places
        row, column = divmod(place, _N_COLUMNS)
        for axes in grid[2 * row : 2 * row + 2, column]:
            axes.set_visible(False)
    for row, axes in enumerate(grid[:, 0]):
        axes.set_ylabel("all (%)" if row % 2 else "selected (%)")
    for axes in grid[-1]:
        axes.set_xlabel("layer (0: nearest to the input)")
    bottom_legend(figure, n_columns=5)
