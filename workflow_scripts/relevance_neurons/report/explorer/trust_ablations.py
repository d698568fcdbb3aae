"""Checks of what scores mean and of what the ablations' tests can show."""

from __future__ import annotations

import polars as pl

from relevance_neurons.report.explorer.choices import DOMAINS, checked, method_text
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.tables import table
from relevance_neurons.report.names import scheme_label


def randomisation(results: Results) -> str:
    """Scores against those of a ranker with random weights."""
    frame = results.query("random_weights").with_columns(pl.col("label").str.replace("_", "-"))
    names = {"label": "maps of", "what": "random down to", "spearman": "ρ of scores"}
    names |= {"spearman_absolute": "ρ of |score|", "top_percent": "level (%)"}
    names |= {"shared_percent": "top shared (%)", "expected_percent": "chance (%)"}
    frame = frame.rename(names | {"n_pairs": "pairs"})
    formats = dict.fromkeys(["ρ of scores", "ρ of |score|"], "{:.2f}") | {"level (%)": "{:g}"}
    return checked(
        "Do the scores depend on what the ranker learnt?",
        "the rank correlation falls to about 0, and the shared top to chance, once all weights are "
        "random.",
        table(
            "trust-random-weights",
            frame,
            "Scores of the real ranker against those with random weights from the head down to a "
            "layer (Spearman's ρ over all neurons).",
            formats=formats | dict.fromkeys(["top shared (%)", "chance (%)"], "{:.1f}"),
        ),
    )


def single_neurons(results: Results) -> str:
    """Scores against what single neurons do."""
    frame = results.query("single_effects").select(
        pl.col("method").map_elements(method_text, return_dtype=pl.String),
        pl.col("label").str.replace("_", "-").alias("maps of"),
        pl.col("sample").alias("neurons picked"),
        "component",
        pl.col("n_neurons").alias("neurons"),
        pl.col("spearman_zero").alias("ρ"),
        pl.col("spearman_low_zero").alias("95 % low"),
        pl.col("spearman_high_zero").alias("95 % high"),
        pl.col("same_sign_percent_zero").alias("same sign (%)"),
        pl.col("n_pairs").alias("pairs"),
    )
    formats = dict.fromkeys(["ρ", "95 % low", "95 % high"], "{:.2f}") | {"same sign (%)": "{:.0f}"}
    return checked(
        "Does a score foretell what a neuron does?",
        "ρ clearly above 0, its interval without 0, and more than half with the same sign.",
        table(
            "trust-single",
            frame,
            "Neurons switched off one by one (their output 0): Spearman's ρ of score and change "
            "of F, with its 95 % bootstrap interval over neurons; strong neurons span a wider "
            "range, which by itself raises ρ.",
            formats=formats,
        ),
    )


def power(results: Results) -> str:
    """The smallest losses that the pooled tests would find."""
    rows = results.query("detectable")
    frame = rows.select(
        pl.col("scheme").map_elements(scheme_label, return_dtype=pl.String),
        pl.col("top_percent").alias("level (%)"),
        pl.col("domain").replace(DOMAINS),
        pl.col("n_collections").alias("collections"),
        pl.col("n_queries").alias("queries"),
        pl.col("difference_percent").alias("change found (%)"),
        pl.col("p_value_holm").alias("p (Holm)"),
        pl.col("detectable_percent").alias("detectable alone (%)"),
        pl.col("detectable_holm_percent").alias("detectable after Holm (%)"),
    )
    formats = dict.fromkeys([frame.columns[5], *frame.columns[7:]], "{:.1f}")
    return checked(
        "What could the study have found?",
        "detectable changes well below the losses that matter to you. Where nothing is "
        "significant, smaller changes than these are not ruled out.",
        table(
            "trust-power",
            frame,
            "The smallest change, in percent of the original, that the pooled test over queries "
            "finds with a power of 0.8: alone, and at Holm's strictest step.",
            formats=formats | {"level (%)": "{:g}", "p (Holm)": "{:.2g}"},
        ),
    )


def equivalence(results: Results) -> str:
    """Whether random controls are shown to do nothing."""
    rows = results.query("control_equivalence")
    if rows.is_empty():
        return ""
    margin = results.study.get("ablation.equivalence_margin")
    frame = rows.with_columns(
        pl.col("scheme").map_elements(scheme_label, return_dtype=pl.String)
    ).rename(
        {
            "top_percent": "level (%)",
            "n_neurons": "neurons",
            "n_collections": "collections",
            "n_equivalent": "no effect shown",
            "n_significant": "effect shown",
            "n_undecided": "undecided",
            "draws_within": "draws within",
            "n_draws": "of draws",
            "greatest_loss_percent": "lowest mean (%)",
            "greatest_loss_of_a_draw": "lowest draw (%)",
        }
    )
    within = "the study's margin" if margin is None else f"±{margin} % of the original"
    return checked(
        "Do random neurons do nothing?",
        "on every collection it is shown that they have no effect; “not significant” alone "
        "would not show that.",
        table(
            "trust-equivalence",
            frame,
            "Of each scheme's controls: on how many collections the mean over the draws is shown "
            f"to lie within {within} (two one-sided paired t-tests), on how many it has a "
            "significant effect, and on how many neither is shown; and how many single draws lie "
            "within the margin by themselves.",
            formats={
                "level (%)": "{:g}",
                "lowest mean (%)": "{:.1f}",
                "lowest draw (%)": "{:.1f}",
            },
        ),
    )
