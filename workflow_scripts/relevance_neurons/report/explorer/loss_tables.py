"""The numbers behind the figures of losses: every ablation, and pooled tests."""

from __future__ import annotations

import polars as pl

from relevance_neurons.report.explorer.choices import DOMAINS, SHORT_KINDS
from relevance_neurons.report.explorer.tables import table
from relevance_neurons.report.names import scheme_label


def effects_table(effects: pl.DataFrame, measure: str, significance: str) -> str:
    """A row an ablation and collection; ``effects``: of loss_effects.sql."""
    frame = effects.select(
        pl.col("scheme").map_elements(scheme_label, return_dtype=pl.String),
        pl.col("kind")
        .map_elements(lambda kind: SHORT_KINDS.get(kind, kind), return_dtype=pl.String)
        .alias("switched off"),
        pl.col("top_percent").alias("level (%)"),
        "collection",
        pl.col("difference_percent").alias("change (%)"),
        pl.col("ci_low").alias("95 % low"),
        pl.col("ci_high").alias("95 % high"),
        pl.col("p_value").alias("p"),
        pl.col("p_value_holm").alias("p (Holm)"),
        pl.col("attainable_percent").alias("% of attainable"),
        pl.col("random_percent").alias("random neurons (%)"),
        pl.col("p_value_random_t").alias("p against random"),
        pl.col("n_neurons").alias("neurons"),
        pl.col("n_queries").alias("queries"),
        pl.col("original").alias(f"{measure} before"),
        pl.col("pruned").alias("after"),
    )
    formats = dict.fromkeys([f"{measure} before", "after"], "{:.3f}") | {"level (%)": "{:g}"}
    formats |= dict.fromkeys(["p", "p (Holm)", "p against random"], "{:.2g}")
    for name in ("change (%)", "95 % low", "95 % high", "% of attainable", "random neurons (%)"):
        formats[name] = "{:.1f}"
    return table(
        "losses-table",
        frame,
        "Every ablation on every collection. p: two-tailed paired t-test over queries; Holm: "
        "plain and random rows corrected together, each further kind by itself; the page marks p "
        f"≤ {significance}. % of attainable: the change against the same passages in random "
        "order, empty where the ranker is hardly better. p against random: the scheme as one more "
        "draw of its random neurons, one-sided t-test (empty below 3 draws).",
        formats=formats,
    )


def pooled_table(pooled: pl.DataFrame, measure: str) -> str:
    """A row an ablation and domain; ``pooled``: of pooled_losses.sql."""
    if pooled.is_empty():
        return ""
    frame = pooled.select(
        pl.col("scheme").map_elements(scheme_label, return_dtype=pl.String),
        pl.col("kind")
        .map_elements(lambda kind: SHORT_KINDS.get(kind, kind), return_dtype=pl.String)
        .alias("switched off"),
        pl.col("top_percent").alias("level (%)"),
        pl.col("domain").replace(DOMAINS),
        pl.col("difference_percent").alias("change (%)"),
        pl.col("ci_low").alias("95 % low"),
        pl.col("ci_high").alias("95 % high"),
        pl.col("p_value").alias("p"),
        pl.col("p_value_holm").alias("p (Holm)"),
        pl.col("n_collections").alias("collections"),
        pl.col("n_queries").alias("queries"),
    )
    formats = dict.fromkeys(["change (%)", "95 % low", "95 % high"], "{:.1f}")
    return table(
        "losses-pooled",
        frame,
        f"One test an ablation over the queries of all collections of a domain: mean over "
        f"collections, each counting alike, of the change of {measure}; interval: bootstrap over "
        "queries within each collection; p: t-test of the mean paired difference, errors robust to "
        "unequal variances (HC3); Holm: over all domains.",
        formats=formats | {"level (%)": "{:g}", "p": "{:.2g}", "p (Holm)": "{:.2g}"},
    )
