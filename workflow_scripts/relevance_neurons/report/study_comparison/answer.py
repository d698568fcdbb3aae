"""The page's first words: what the studies have in common, in a sentence or two for each pair."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import numpy as np
import polars as pl

from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.study_comparison.choices import listing, pairs, with_method
from relevance_neurons.report.study_comparison.compare import StudyComparison

ALPHA = 0.05
_RELATIONS = {
    "study_a": ("First", None),
    "study_b": ("Second", None),
    "relation": ("Their rankers", None),
    "activation_spearman": ("Sizes of activations, Spearman", "{:.3f}"),
    "n_passages": ("Passages that both ranked", "{:,}"),
    "largest_score_change": ("Largest difference of their scores (log p)", "{:.2g}"),
}


def answer(comparison: StudyComparison) -> Section:
    """What every two studies share and lose, in words; then why their neurons are comparable."""
    told = [_paragraphs(comparison, a, b) for a, b in pairs(comparison.relations)]
    caption = "What every two rankers are to each other"
    rankers = listing("relations", comparison.relations, _RELATIONS, caption)
    lead = "Which neurons the studies have in common, in which order, and what losing them costs."
    return Section("answer", "The answer", lead, "\n".join([*told, rankers]))


def _paragraphs(comparison: StudyComparison, a: str, b: str) -> str:
    (relation,) = comparison.relations.filter(study_a=a, study_b=b).iter_rows(named=True)
    told = [
        ("answer", f"{a} and {b}: {' '.join(_sentences(comparison, a, b))}"),
        ("lead", f"Their rankers: {relation['relation']}: {relation['reason']}."),
    ]
    return "\n".join(f'<p class="{kind}">{escape(words)}</p>' for kind, words in told)


def _sentences(comparison: StudyComparison, a: str, b: str) -> Iterator[str]:
    of_pair = {"study_a": a, "study_b": b}
    relation = comparison.relations.filter(**of_pair)
    if not relation["is_comparable"].item():
        yield "Their neurons cannot be compared."
    taus = comparison.maps.filter(**of_pair)["kendall_tau"].drop_nulls()
    if len(taus):
        yield (
            f"Kendall's τ between their maps is {_median(taus):.2f} (median of {len(taus)}; "
            f"{taus.to_numpy().min():.2f} to {taus.to_numpy().max():.2f})."
        )
    shared = with_method(comparison.shared_neurons.filter(**of_pair))  # not their other ends
    shared = shared.drop_nulls("p_value_chance")
    if len(shared):
        beyond = shared.filter(pl.col("p_value_chance") <= ALPHA)
        yield (
            f"Of {len(shared)} schemes and levels, {len(beyond)} share more neurons than chance "
            f"gives (p ≤ {ALPHA:g} each); the median share is "
            f"{_median(shared['shared_percent']):.0f} %, where chance expects "
            f"{_median(shared['expected_percent']):.2g} %."
        )
    yield from _effect_sentences(comparison.effects.filter(**of_pair), b)


def _median(column: pl.Series) -> float:
    return float(np.median(column.to_numpy()))


def _effect_sentences(effects: pl.DataFrame, b: str) -> Iterator[str]:
    tested = effects.drop_nulls("p_value_holm")
    if len(tested):
        found = tested.filter(pl.col("p_value_holm") <= ALPHA)
        more = found.filter(pl.col("difference") < 0)
        told = f": {b} loses more in {len(more)} and less in {len(found) - len(more)}"
        yield (
            f"Of {len(tested)} ablations that both measured on the same queries, {len(found)} cost "
            f"them differently (Holm, p ≤ {ALPHA:g}){told if len(found) else ''}."
        )
    if len(effects) > len(tested):
        yield (
            f"{len(effects) - len(tested)} ablations stand side by side without a test: the table "
            "of losses says why."
        )
    if effects.is_empty():
        yield "They measured no ablation in common."
