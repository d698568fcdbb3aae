"""How far to trust it: each check with one sentence that says what good looks like."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from relevance_neurons.report.explorer.choices import (
    checked,
    method_text,
)
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.tables import table
from relevance_neurons.report.explorer.trust_ablations import (
    equivalence,
    power,
    randomisation,
    single_neurons,
)
from relevance_neurons.report.explorer.trust_figures import halves_figure, quality_figure


def trust(results: Results) -> Section | None:
    """Checks of the study's own; None where none of them was made."""
    parts = [
        _part(results, "ranking_quality", _quality),
        _part(results, "attribution_checks", _residuals),
        _part(results, "convergence", _convergence),
        _part(results, "split_halves", _halves),
        _part(results, "selection_frequencies", _frequencies),
        _part(results, "randomisation", randomisation),
        _part(results, "single_neuron_correlations", single_neurons),
        _part(results, "pooled_effects", power),
        _part(results, "ablation_effects", equivalence),
    ]
    if not any(parts):
        return None
    lead = "Each check, with what a good result looks like; judge the findings above by them."
    return Section("trust", "How far to trust it", lead, "\n".join(filter(None, parts)))


def _part(results: Results, name: str, write: Callable[[Results], str]) -> str:
    return write(results) if results.has(name) else ""


def of_map(*columns: pl.Expr | str) -> list[pl.Expr | str]:
    """The columns that name a map, in words, then ``columns``."""
    return [
        pl.col("method").map_elements(method_text, return_dtype=pl.String),
        "collection",
        pl.col("label").str.replace("_", "-").alias("maps of"),
        *columns,
    ]


def _quality(results: Results) -> str:
    rows = results.query("first_stage")
    return checked(
        "Is there a ranking to lose?",
        "the ranker lies clearly above the first stage; where it does not, it has little to lose "
        "on that collection, and a small loss says nothing.",
        quality_figure(rows),
    )


def _residuals(results: Results) -> str:
    rows = results.query("residuals").drop_nulls("median_percent")
    if rows.is_empty():
        return ""
    frame = rows.select(
        *of_map(
            pl.col("n_pairs").alias("pairs"),
            pl.col("median_percent").alias("median error (%)"),
            pl.col("percent_of_90_in_100").alias("of 90 in 100 pairs, at most (%)"),
            pl.col("worst_percent").alias("worst pair (%)"),
            pl.col("mean_points").alias("points"),
            pl.col("mean_cost_forwards").alias("forward passes a pair"),
        )
    )
    caption = (
        "A pair's scores over a cut of the network must add up to F(pair) − F(baseline): how far "
        "they are from it, in percent of its size. Methods without such a sum are left out."
    )
    formats = dict.fromkeys(frame.columns[4:7], "{:.2f}") | dict.fromkeys(
        frame.columns[7:], "{:.1f}"
    )
    return checked(
        "Do the scores add up?",
        "a median error of a few percent or less. A pair whose F hardly differs from the "
        "baseline's has a large percentage by itself, so the worst pair alone is no alarm.",
        table("trust-residuals", frame, caption, formats=formats),
    )


def _convergence(results: Results) -> str:
    frame = results.query("doubled_points").select(
        *of_map(
            pl.col("top_percent").alias("level (%)"),
            pl.col("n_pairs").alias("pairs"),
            "points",
            pl.col("points_doubled").alias("doubled"),
            pl.col("shared_percent").alias("top that stays (%)"),
            pl.col("kendall_tau").alias("Kendall's τ"),
            pl.col("difference_percent").alias("change of scores (%)"),
            pl.col("worst_pair_percent").alias("worst pair (%)"),
        )
    )
    formats = {"level (%)": "{:g}", "points": "{:.1f}", "doubled": "{:.1f}"}
    formats |= {"top that stays (%)": "{:.1f}", "Kendall's τ": "{:.3f}"}
    formats |= dict.fromkeys(["change of scores (%)", "worst pair (%)"], "{:.2f}")
    caption = (
        "The maps' first pairs again with twice the points of every path: how much of the top "
        "stays, the rank correlation over all neurons, and the change of all scores together (L2 "
        "norm, in percent of theirs)."
    )
    return checked(
        "Are there enough points on the path?",
        "nearly all of the top stays (95 % or more), and τ is near 1.",
        table("trust-convergence", frame, caption, formats=formats),
    )


def _halves(results: Results) -> str:
    return checked(
        "Are there enough pairs?",
        "two halves of a collection's pairs share most of their top, and clearly more than two "
        "collections do. Whole maps have twice the pairs of a half and are steadier than this.",
        halves_figure(results),
    )


def _frequencies(results: Results) -> str:
    frame = results.query("frequencies").select(
        *of_map(
            pl.col("top_percent").alias("level (%)"),
            pl.col("n_neurons").alias("neurons"),
            pl.col("mean_frequency").alias("selected again, mean"),
            pl.col("stable_percent").alias("in 95 of 100 replicates (%)"),
        )
    )
    formats = {"level (%)": "{:g}", "selected again, mean": "{:.2f}"}
    caption = (
        "Of each map's top: how often replicates of the bootstrap over pairs select a neuron "
        "again, and the share of neurons that at least 95 of 100 replicates do."
    )
    return checked(
        "Would other pairs give the same neurons?",
        "a mean near 1; neurons near the edge of the top always come and go.",
        table(
            "trust-frequencies",
            frame,
            caption,
            formats=formats | {"in 95 of 100 replicates (%)": "{:.0f}"},
        ),
    )
