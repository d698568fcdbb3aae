"""Patches as maps: heads, blocks and found heads by class of tokens, a row a perturbation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from relevance_neurons.report.figures.heat_maps import (
    TICK,
    Places,
    Scale,
    blocks_of,
    draw_map,
    entitle,
    map_legend,
    outline,
    panel_size,
)
from relevance_neurons.report.figures.style import PANEL_WIDTH, new_figure, note, styled

EFFECT = "effect: share of the logit's change that the patch brings (mean over pairs)"
SITES = {"residual": "residual stream", "attention_output": "attention"}
SITES |= {"ff_output": "feed-forward", "output": "head's output", "pattern": "attention pattern"}
TOKEN_CLASSES = {"cls": "[CLS]", "query_term": "query: term", "query_other": "query: others"}
TOKEN_CLASSES |= {"sep1": "first [SEP]", "injected": "injected", "passage_term": "passage: term"}
TOKEN_CLASSES |= {"passage_query": "passage: of query", "passage_other": "passage: others"}
TOKEN_CLASSES |= {"sep2": "last [SEP]", "all": "all positions"}
"""As they lie in a pair."""
_TALL = 1.35


@styled
def head_patches_figure(
    patches: pl.DataFrame,
    heads: pl.DataFrame,
    collections: Sequence[str],
    perturbations: Sequence[str],
    significance: float = 0.05,
) -> Figure:
    """Layer × head: what a head's output, and its attention pattern alone, bring.

    ``patches``, ``heads``: as the contract has them; ``collections``, ``perturbations``: those of
    the study, which have a panel also where nothing was measured. Found heads are outlined.
    """
    rows = patches.filter(grid="head", token_class="all")
    size = ranker_size(heads, rows)
    if size is None:
        return empty_figure("no head was patched")
    x = Places.numbered("head", size[1], "head")
    y = Places.numbered("layer", size[0], "layer")
    shown = (["output", "pattern"], collections, perturbations)
    return _maps(rows, x, y, *shown, significance, heads)


@styled
def block_patches_figure(
    patches: pl.DataFrame,
    collections: Sequence[str],
    perturbations: Sequence[str],
    significance: float = 0.05,
) -> Figure:
    """Layer × class of tokens: the residual stream before a block, and its two sublayers."""
    rows = patches.filter(grid="block")
    if rows.is_empty():
        return empty_figure("no block was patched")
    y = Places.numbered("layer", rows["layer"].max() + 1, "layer")
    sites = ["residual", "attention_output", "ff_output"]
    return _maps(rows, _classes(rows), y, sites, collections, perturbations, significance)


@styled
def head_class_patches_figure(
    patches: pl.DataFrame,
    heads: pl.DataFrame,
    collections: Sequence[str],
    perturbations: Sequence[str],
    significance: float = 0.05,
) -> Figure:
    """Found heads × classes of tokens; written layer.head, m: matching, r: relevance."""
    found = heads.filter(pl.col("is_matching") | pl.col("is_relevance")).sort("layer", "head")
    if found.is_empty():
        return empty_figure("no head was found")
    at = pl.format("{}.{}", "layer", "head").alias("at")
    rows = patches.filter(grid="head_class").with_columns(at)
    labels = [head_label(row) for row in found.iter_rows(named=True)]
    y = Places("at", found.select(at)["at"].to_list(), labels, "head")
    shown = (["output", "pattern"], collections, perturbations)
    return _maps(rows, _classes(rows), y, *shown, significance)


def head_label(row: dict) -> str:
    """layer.head, with m for a matching and r for a relevance head."""
    kinds = "m" * row["is_matching"] + "r" * row["is_relevance"]
    return f"{row['layer']}.{row['head']} {kinds}".rstrip()


def ranker_size(heads: pl.DataFrame, rows: pl.DataFrame) -> tuple[int, int] | None:
    """Layers and heads, of ``heads``, which has every one, or else of what was patched."""
    of = heads if not heads.is_empty() else rows
    return None if of.is_empty() else (of["layer"].max() + 1, of["head"].max() + 1)


def empty_figure(text: str) -> Figure:
    """A figure that says why it shows nothing."""
    figure = new_figure(PANEL_WIDTH, 1.2)
    axes = figure.subplots()
    axes.set_axis_off()
    note(axes, text)
    return figure


def _classes(rows: pl.DataFrame) -> Places:
    there = set(rows["token_class"]) or set(TOKEN_CLASSES) - {"all"}
    names = [one for one in TOKEN_CLASSES if one in there]
    names += sorted(there.difference(names))
    return Places(
        "token_class", names, [TOKEN_CLASSES.get(one, one) for one in names], "class of tokens"
    )


def _maps(
    rows: pl.DataFrame,
    x: Places,
    y: Places,
    sites: Sequence[str],
    collections: Sequence[str],
    perturbations: Sequence[str],
    significance: float,
    heads: pl.DataFrame | None = None,
) -> Figure:
    """Panels: collections and their sites side by side, perturbations below each other."""
    rows = rows.filter(
        pl.col("collection").is_in(collections), pl.col("perturbation").is_in(perturbations)
    )
    blocks = blocks_of(collections)
    beside = len(blocks[0])
    lines = [(some, one) for some in blocks for one in perturbations]
    tall = max(_TALL, TICK * len(y.values)) if y.column == "at" else _TALL
    wide, width, height = panel_size(beside * len(sites), len(lines), tall)
    figure = new_figure(width, height + (0.6 if x.column == "token_class" else 0))
    grid = figure.subplots(len(lines), beside * len(sites), sharex=True, sharey=True, squeeze=False)
    scale = Scale.of(rows["effect"])
    for panels, (some, perturbation) in zip(grid, lines, strict=True):
        of_line = rows.filter(perturbation=perturbation)
        places = [(collection, site) for collection in some for site in sites]
        for axes, (collection, site) in zip(panels, places, strict=False):
            own = of_line.filter(collection=collection, site=site)
            draw_map(axes, own, x, y, scale, significance)
            entitle(axes, SITES[site], collection if site == sites[0] else "", own)
            if heads is not None:
                outline(axes, heads)
        for axes in panels[len(places) :]:
            axes.set_axis_off()
        panels[0].set_ylabel(f"{perturbation}\n{y.title}")
    _tick(grid, x, y, wide, tall)
    scale.bar(figure, grid, EFFECT)
    map_legend(figure, significance, heads is not None)
    return figure


def _tick(grid: np.ndarray, x: Places, y: Places, wide: float, tall: float) -> None:
    grid[0, 0].set_yticks(*y.ticks(tall))
    of_classes = x.column == "token_class"
    if of_classes:  # names: none may be left out
        grid[0, 0].set_xticks(range(len(x.values)), x.labels)
    else:
        grid[0, 0].set_xticks(*x.ticks(wide, upright=False))
    for axes in grid[-1]:
        axes.set_xlabel(x.title)
        if of_classes:
            axes.tick_params(axis="x", rotation=90, labelsize=6.5)
