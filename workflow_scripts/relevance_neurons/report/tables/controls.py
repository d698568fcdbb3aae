"""Ablation beyond zero: every kind of ablation of every scheme, beside its controls."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from relevance_neurons.report.names import scheme_label
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, number
from relevance_neurons.report.tables.table4 import (
    DOMAINS,
    EMPTY,
    ablated_in,
    domain_of,
    table4_schemes,
)
from relevance_neurons.selection.ablation_kinds import (
    BOTTOM,
    DRAWN,
    KEEP_ONLY,
    KINDS,
    MATCHED,
    PLAIN,
    VALUES,
    with_kind,
)

_ATTAINABLE = "attainable"
_ALIKE = (0.67, 1.5)
"""The scheme's mean activation size over that of its matched draws, where these match."""
_HEADINGS = {KEEP_ONLY: "keep only", BOTTOM: "least important", _ATTAINABLE: "% of attainable"}


def controls_table(
    effects: pl.DataFrame,
    in_domain: Sequence[str],
    measure: str,
    value: str = "zero",
    equivalence_margin: float = 2.0,
    significance: float = 0.05,
    schemes: Sequence[str] | None = None,
    match_quality: pl.DataFrame | None = None,
) -> Table:
    """What every kind of ablation does to the ranking, in and out of the domain.

    ``effects``: as ``ablation_effects`` returns; ``in_domain``: the in-domain collections;
    ``value``: what a neuron gives that the study switches off (zero or mean);
    ``equivalence_margin`` (percent of the original) and ``significance``: those of the tests;
    ``schemes``: as in ``table4``; ``match_quality``: as ``match_table`` returns, for the sign of
    matched draws that are not of like size. A row is a scheme at a level; the CSV has one per kind
    and domain. Kinds that the study does not have are left out.
    """
    schemes = table4_schemes(ablated_in(effects) if schemes is None else schemes, in_domain)
    data = by_kind(effects, in_domain, value).filter(pl.col("scheme").is_in(schemes))
    data = _with_ratios(data, match_quality)
    found = {tuple(row.values())[:4]: row for row in data.iter_rows(named=True)}
    shown = [kind for kind in kinds_shown(value) if kind in set(data["kind"])]
    columns = [(domain, one) for domain in DOMAINS for one in [*shown, _ATTAINABLE]]
    rows = [
        [Cell(scheme_label(scheme)), Cell(f"{level:g} %")]
        + [_cell(found, scheme, level, *column, plain=value) for column in columns]
        for level in sorted(data["top_percent"].unique())
        for scheme in schemes
        if (scheme, level, "in", value) in found or (scheme, level, "out", value) in found
    ]
    return Table(
        name="controls",
        title=f"Ablation beyond zero: difference in {measure} (%) by kind of ablation",
        columns=["scheme", "level", *(_HEADINGS.get(one, one) for _, one in columns)],
        rows=rows,
        data=data,
        notes=_notes(shown, value, equivalence_margin, significance),
        alignment=["l", "r"] + ["r"] * len(columns),
        groups=[("", 2), *((heading, len(shown) + 1) for heading in DOMAINS.values())],
    )


def kinds_shown(value: str) -> list[str]:
    """The kinds in the order of the table; the plain one is called by the study's ``value``."""
    return [value, *(one for one in VALUES if one != value), KEEP_ONLY, BOTTOM, *DRAWN]


def with_domain_and_kind(
    effects: pl.DataFrame, in_domain: Sequence[str], value: str
) -> pl.DataFrame:
    """Add ``of``, ``domain`` and ``kind``; the plain kind is called by the study's ``value``."""
    order = {PLAIN: value, **{kind: kind for kind in KINDS if kind}}
    return with_kind(effects).with_columns(
        domain=domain_of(in_domain), kind=pl.col("kind").replace_strict(order)
    )


def by_kind(effects: pl.DataFrame, in_domain: Sequence[str], value: str) -> pl.DataFrame:
    """Mean effect per scheme, top_percent, domain and kind, and how many tests say what.

    Columns: these four, difference_percent, attainable_percent (means over the domain's
    collections that have them), n_significant, n_significant_holm, n_equivalent, n_tests,
    n_collections, empty, n_attainable (collections with attainable_percent), draws_within and
    n_draws (of a control, summed over the collections).
    """
    return (
        with_domain_and_kind(effects, in_domain, value)
        .group_by(pl.col("of").alias("scheme"), "top_percent", "domain", "kind")
        .agg(
            pl.col("difference_percent", "attainable_percent").mean(),
            n_significant=pl.col("significant").sum(),
            n_significant_holm=pl.col("significant_holm").sum(),
            n_equivalent=pl.col("equivalent").sum(),
            n_tests=pl.col("p_value").count(),
            n_collections=pl.col("collection").n_unique(),
            empty=(pl.col("n_neurons") == 0).all(),
            n_attainable=pl.col("attainable_percent").count(),
            draws_within=pl.col("draws_within").sum(),
            n_draws=pl.col("n_draws").filter(pl.col("draws_within").is_not_null()).sum(),
        )
        .sort("scheme", "top_percent", "domain", "kind")
    )


def _with_ratios(data: pl.DataFrame, match_quality: pl.DataFrame | None) -> pl.DataFrame:
    """Add ratio_matched, of the rows of matched draws."""
    if match_quality is None:
        return data.with_columns(ratio_matched=pl.lit(None, pl.Float64))
    ratios = match_quality.select("scheme", "top_percent", "ratio_matched")
    found = data.join(ratios, on=["scheme", "top_percent"], how="left", maintain_order="left")
    ratio = pl.when(kind=MATCHED).then("ratio_matched")
    return found.with_columns(ratio_matched=ratio)


def _cell(
    found: dict[tuple, dict], scheme: str, level: float, domain: str, column: str, plain: str
) -> Cell:
    kind = plain if column == _ATTAINABLE else column
    row, own = (found.get((scheme, level, domain, one)) for one in (kind, plain))
    if own is not None and own["empty"]:
        return Cell(EMPTY)
    if row is None:
        return Cell(NOTHING)
    if column == _ATTAINABLE:
        return Cell(_attainable(row))
    text = number(row["difference_percent"], 2)
    ratio = row["ratio_matched"]
    if ratio is not None and not _ALIKE[0] <= ratio <= _ALIKE[1]:
        text += "‡"
    if column in DRAWN and row["n_tests"]:
        text += f" ({row['n_equivalent']}/{row['n_tests']} eq."
        text += f", {row['draws_within']}/{row['n_draws']} draws)" if row["n_draws"] else ")"
    return Cell(text)


def _attainable(row: dict) -> str:
    """The mean over the collections that have one, and over how many where some have none."""
    text, n, n_all = number(row["attainable_percent"], 1), row["n_attainable"], row["n_collections"]
    return f"{text} ({n}/{n_all})" if 0 < n < n_all else text


def _notes(shown: Sequence[str], value: str, margin: float, significance: float) -> list[str]:
    """What every column is, for the kinds that the table has."""
    words = {
        "zero": "the scheme's neurons give 0",
        "mean": "they give their mean over the attribution pairs",
        KEEP_ONLY: "all neurons but the scheme's are switched off (a ranker that then gives every "
        "passage one score ranks by doc_id, as trec_eval does, which may lie off the floor)",
        BOTTOM: "as many neurons from the other end of the scheme's ranking",
        "random": "as many random neurons in the same layers and components",
        MATCHED: "random neurons as near in activation size as there are in the same layers and "
        "components (‡: they are not near; the scheme's mean size is less than "
        f"{_ALIKE[0]:g} or more than {_ALIKE[1]:g} of theirs, see match_quality)",
    }
    kinds = "; ".join(f"{_HEADINGS.get(kind, kind)}: {words[kind]}" for kind in shown)
    lines = [
        f"100 · (mean changed − mean original) / mean original; {kinds}. Several collections: mean "
        "of their differences.",
        f"% of attainable: 100 · ({value} − original) / (original − floor), the floor being the "
        "measure of the same pools in random order: at −100 nothing of a collection's ranking is "
        "left. The mean is over collections whose original is clearly above the floor, counted "
        "in brackets where some are not.",
    ]
    if set(DRAWN) & set(shown):
        lines.append(
            "eq.: in how many collections of all the average of the control's draws, per query, is "
            f"equivalent to no effect: two one-sided paired t-tests at p ≤ {significance:g}, "
            f"margin ± {margin:g} % of the original: no effect on average, not of each random set; "
            "draws: how many single draws of all, over the collections, change the mean by no more "
            "than the margin (no test)."
        )
    return [*lines, f"{EMPTY}: no neuron is selected. {NOTHING}: not computed."]
