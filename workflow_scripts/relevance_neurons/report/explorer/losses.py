"""What the ranker loses without the neurons, collection by collection, beside its controls."""

from __future__ import annotations

import polars as pl

from relevance_neurons.report.explorer.choices import KINDS, chosen, key, level_text, options
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.forest import forest, forest_height
from relevance_neurons.report.explorer.loss_tables import effects_table, pooled_table
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.plots import plot
from relevance_neurons.report.explorer.results import Results

_MARKS = {"significant_holm": "after Holm's correction", "significant": "raw p"}


def losses(results: Results) -> Section | None:
    """Effects of every ablation; None where nothing was switched off."""
    if not results.has("ablation_effects"):
        return None
    effects = results.query("loss_effects").drop_nulls("difference_percent")
    if effects.is_empty():
        return None
    measure = results.study.get("ablation.measure", "the measure")
    has_pooled = results.has("pooled_effects")
    pooled = results.query("pooled_losses").drop_nulls("difference_percent") if has_pooled else None
    significance = results.study.get("ablation.significance", "0.05")
    return Section(
        "losses",
        "What the ranker loses",
        f"By how many percent {measure} changes when a scheme's neurons are switched off, and "
        "whether controls lose as much.",
        _figures(effects, pooled, measure, significance)
        + effects_table(effects, measure, significance)
        + ("" if pooled is None else pooled_table(pooled, measure)),
    )


def _figures(
    effects: pl.DataFrame, pooled: pl.DataFrame | None, measure: str, significance: str
) -> str:
    collections = sorted(effects["collection"].unique())
    views = {}
    for (kind, level), rows in effects.group_by("kind", "top_percent", maintain_order=True):
        over = None if pooled is None else pooled.filter(kind=kind, top_percent=level)
        n_marks = len(collections) + (0 if over is None else over["domain"].n_unique())
        for column, words in _MARKS.items():
            views[kind or "own", key(level), column] = plot(
                f"losses-{len(views)}",
                forest(rows, over, collections, column, measure),
                f"Change of {measure} in percent of the original at the level {level_text(level)}: "
                f"{KINDS.get(kind, kind)}. A marker is a collection's mean over its queries with "
                f"its 95 % bootstrap interval over queries; filled: p ≤ {significance}, {words} "
                "(paired t-test); hollow: not. " + _said_of(kind, over),
                height=forest_height(rows["scheme"].n_unique(), n_marks),
            )
    kinds = [(kind or "own", KINDS.get(kind, kind)) for kind in chosen(KINDS, effects["kind"])]
    controls = [
        Control("kind", "What is switched off", kinds),
        Control(
            "level",
            "Level",
            options(effects["top_percent"].unique().sort(descending=True), level_text),
        ),
        Control("marks", "Filled if significant", list(_MARKS.items())),
    ]
    return switched("losses-effects", controls, views)


def _said_of(kind: str, pooled: pl.DataFrame | None) -> str:
    said = []
    if kind == "":
        said.append(
            "Grey bars span the single draws of random neurons in the same layers and components: "
            "a marker inside its bar does no more harm than they do."
        )
    elif kind in ("random", "matched"):
        said.append("Each is the mean over the draws.")
    if pooled is not None and not pooled.is_empty():
        said.append("Stars and crosses: all queries of a domain's collections tested together.")
    return " ".join(said)
