"""The answer in one sentence, computed from the tests, and the figure that it rests on."""

from __future__ import annotations

from html import escape

import polars as pl

from relevance_neurons.report.explorer.answer_figures import curve_views, effect_views
from relevance_neurons.report.explorer.choices import level_text
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.words import p_value, percent, setting
from relevance_neurons.report.names import method_label, parted

_NEEDED = ("p_value_holm", "significant_holm", "p_value_random_t", "detectable_holm_percent")
NAMES = (
    "Sets of neurons are called P_x, N_x, F_x or D_x: those with the highest scores on relevant, "
    "on non-relevant, on both kinds of pairs, or by a target within queries, of the collection x; "
    "_all: by the mean over collections; _and_: those that are on top in each of several."
)
"""What the paper's letters mean; sets of a study's own have its names."""


def answer(results: Results) -> Section | None:
    """What the ranker loses without its neurons, and whether that is more than chance."""
    if not results.has("ablation_effects", *_NEEDED):
        return None
    effects = results.query("loss_effects").filter(kind="")
    effects = effects.drop_nulls("difference_percent")  # not empty sets
    if effects.is_empty():
        return None
    measure = str(setting(results, "ablation.measure", "the measure"))
    alpha = float(setting(results, "ablation.significance", 0.05))
    has_curves = results.has("loss_curves")
    figure = curve_views(results, measure) if has_curves else effect_views(effects, measure)
    return Section(
        "answer",
        "The answer",
        f"What {measure} loses when the neurons with the highest scores are switched off: they "
        f"give {'their mean' if results.study.get('ablation.value') == 'mean' else '0'}.",
        f'<p class="answer"><strong>{escape(sentence(effects, measure, alpha))}</strong></p>\n'
        f"<p>{escape(counts(effects, measure, alpha))}</p>\n"
        f'<p class="lead">{escape(NAMES)}</p>\n{figure}',
    )


def sentence(effects: pl.DataFrame, measure: str, alpha: float) -> str:
    """The answer: the largest loss that the tests bear out, or that they bear out none.

    ``effects``: the schemes' own rows of loss_effects.sql. A loss counts where it is significant
    after Holm's correction; it is the neurons' own where random draws of as many lose significantly
    less.
    """
    losses = effects.filter(pl.col("significant_holm"), pl.col("difference_percent") < 0)
    beyond = losses.filter(pl.col("p_random") <= alpha)
    if beyond.height:
        row = _largest(beyond)
        return f"{_loss(row, measure)} {_beyond(row)}."
    if losses.height:
        row = _largest(losses)
        return f"{_loss(row, measure)} {_not_beyond(row, alpha)}."
    row = _largest(effects)
    if row["difference_percent"] >= 0:
        return f"No set of neurons lowers {measure} when it is switched off."
    p = row["p_value_holm"]
    return (
        f"No set of neurons is shown to matter: none lowers {measure} significantly after Holm's "
        f"correction; the largest loss is {percent(row['difference_percent'])}, on "
        f"{row['collection']} without {_neurons(row)} "
        f"({'no test' if p is None else f'{p_value(p)} after it'})."
    )


def counts(effects: pl.DataFrame, measure: str, alpha: float) -> str:
    """How many of the ablations show what, so that the largest is not taken for all."""
    is_significant = effects["significant_holm"].fill_null(False)
    significant = effects.filter(is_significant)
    losses = significant.filter(pl.col("difference_percent") < 0)
    n_gains = significant.filter(pl.col("difference_percent") > 0).height
    n_beyond = losses.filter(pl.col("p_random") <= alpha).height
    beyond = ""
    told = losses.drop_nulls("p_random").filter(~_are_too_few(pl.col("n_draws"), alpha))
    if not told.is_empty():
        beyond = f", {n_beyond:,} of these by more than random neurons of the same layers and "
        beyond += "components do"
    detectable = effects.filter(~is_significant)["detectable_holm_percent"].median()
    unseen = (
        f" Of those that are not significant, half could only have shown a change of "
        f"{detectable:.1f} % or more (power 0.8, after the correction): no effect found is not no "
        "effect."
        if detectable is not None
        else ""
    )
    return (
        f"Of {effects.height:,} ablations (sets of neurons, levels and collections), "
        f"{losses.height:,} lower {measure} significantly after Holm's correction "
        f"at {alpha:g}{beyond}; {n_gains:,} raise it significantly.{unseen}"
    )


def _largest(effects: pl.DataFrame) -> dict[str, object]:
    order = ["difference_percent", "top_percent", "scheme", "collection"]
    return effects.sort(order, nulls_last=True).row(0, named=True)


def _neurons(row: dict[str, object]) -> str:
    scheme, method = parted(row["scheme"])
    by = f" by {method_label(method)}" if method else ""
    return f"the {row['n_neurons']:,} neurons of {scheme}{by} ({level_text(row['top_percent'])})"


def _loss(row: dict[str, object], measure: str) -> str:
    scheme, _ = parted(row["scheme"])
    is_own = scheme.partition("_")[2] == row["collection"]
    return (
        f"Without {_neurons(row)}, {measure} on {row['collection']}"
        f"{', the collection that they were found on,' if is_own else ''} falls from "
        f"{row['original']:.3f} to {row['pruned']:.3f} ({percent(row['difference_percent'])}, "
        f"95 % interval {percent(row['ci_low'])} to {percent(row['ci_high'])}), significant after "
        f"Holm's correction ({p_value(row['p_value_holm'])})"
    )


def _beyond(row: dict[str, object]) -> str:
    return (
        f"and more than random neurons of the same layers and components lose "
        f"({p_value(row['p_random'])}; their {row['n_draws']:,} draws: "
        f"{percent(row['random_low'])} to {percent(row['random_high'])})"
    )


def _are_too_few(n_draws: pl.Expr, alpha: float) -> pl.Expr:
    """Whether so few draws show nothing, were all below the loss; three allow a t-test."""
    return (n_draws.fill_null(0) < 3) & (1 / (n_draws.fill_null(0) + 1) > alpha)


def _not_beyond(row: dict[str, object], alpha: float) -> str:
    if row["p_random"] is None:
        return "– but no random neurons were switched off to compare with"
    if pl.select(_are_too_few(pl.lit(row["n_draws"]), alpha)).item():
        return (
            f"– but {row['n_draws']:,} random draws are too few to tell whether as many random "
            "neurons lose as much"
        )
    return (
        f"– but not shown to be more than as many random neurons lose ({p_value(row['p_random'])}; "
        f"their {row['n_draws']:,} draws: {percent(row['random_low'])} to "
        f"{percent(row['random_high'])})"
    )
