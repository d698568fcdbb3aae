"""Tables of attribution to tokens, beside those of paper 004."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from relevance_neurons.report.names import EVERY, MEASURES, method_label, over_collections
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, number
from relevance_neurons.report.tables.methods import p_text
from relevance_neurons.tokens.claims import CLAIMS, FEWEST
from relevance_neurons.tokens.degradation_findings import PAPERS_STEPS
from relevance_neurons.tokens.study_methods import StudyMethods

_DROPS = {"information_bottleneck": 0.565, "integrated_gradients": 0.265}
_DROPS |= {"lime": 0.043, "random": 0.135}
_NORMALISED = {"information_bottleneck": 61.3, "integrated_gradients": 29.0}
_REMOVED = {"both": (8.9, 10.39), "passage": (18.52, 22.49)}
_ORDERS = {
    "original": (0.276, 0.411, 0.403, 0.427, 0.817, 0.848, 0.939),
    "swapped": (0.219, 0.362, 0.352, 0.408, 0.813, 0.848, 0.920),
    "shuffled": (0.200, 0.343, 0.332, 0.384, 0.803, 0.848, 0.918),
    "reversed": (0.181, 0.332, 0.321, 0.390, 0.803, 0.848, 0.897),
}
"""The paper's numbers, of BERT-large on MS MARCO (its tables 1 to 3); orders by ``MEASURES``.

Of the first stage's 1,000 passages the order is another, their R@1000 stays."""
_CURVES = {("deletion", "least"): "deleted, least first", ("mask", "most"): "masked, most first"}
_CURVES |= {("mask", "least"): "masked, least first"}
_PERCENTS = {key for key, claim in CLAIMS.items() if "%" in claim.paper}
_INTERVAL = (
    "In brackets 95 % intervals of a bootstrap over queries; the pairs of a query stay together."
)


def with_interval(row: Mapping, name: str, digits: int, factor: float = 1) -> str:
    """A value and its interval in brackets; a dash where there is none."""
    values = [row[one] for one in (name, f"{name}_low", f"{name}_high")]
    value, low, high = (number(None if one is None else factor * one, digits) for one in values)
    return value if NOTHING in (value, low) else f"{value} [{low}, {high}]"


def degradation_table(areas: pl.DataFrame, study: StudyMethods, layer: int | None) -> Table:
    """First drops and areas of every method at the study's layer (table 1 of paper 004).

    ``areas``: as the contract has degradation_areas; ``study``: its methods, the first one the
    others are compared with. The paper's numbers stand beside one entry of each method, not beside
    legacy ones, and where there are as many steps as in the paper. Means over collections; the CSV
    has all rows.
    """
    at = over_collections(areas).filter(pl.col("layer").is_null() | (pl.col("layer") == layer))
    found = {(one["method"], one["removal"], one["order"]): one for one in at.iter_rows(named=True)}
    rows = []
    for name, method in study.kinds.items():
        row = found.get((name, "deletion", "most"))
        if row is None:
            continue
        is_papers = study.beside_paper(name) and row["n_steps"] == PAPERS_STEPS
        drop, normalised = (
            number(of.get(method) if is_papers else None, digits)
            for of, digits in ((_DROPS, 3), (_NORMALISED, 1))
        )
        cells = [method_label(name), drop, with_interval(row, "first_drop", 3)]
        cells += [normalised, with_interval(row, "first_drop_normalised", 1, 100)]
        cells += [with_interval(row, one, 3) for one in ("mean_drop", "drop_difference")]
        cells += [p_text(row[one]) for one in ("p_value", "p_value_holm")]
        cells += [with_interval(row, "area", 3)]
        others = [found.get((name, *place)) for place in _CURVES]
        cells += [NOTHING if one is None else with_interval(one, "area", 3) for one in others]
        rows.append([Cell(text) for text in cells])
    columns = ["method", *["paper", "here"] * 2, "mean drop", "difference", "p", "p (Holm)", "area"]
    n_steps = at["n_steps"].max()
    return Table(
        name="token_degradation",
        title=f"Degradation: what p loses with a method's tokens (layer {layer})",
        columns=[*columns, *_CURVES.values()],
        rows=rows,
        data=areas,
        notes=[
            "First drop: p of whole pairs less p without the most important of their tokens, "
            f"{_share(n_steps)} of them all, deleted; in % of what p loses in all. Mean drop: over "
            f"all {n_steps} steps, not normalised; difference: to the first method's, and p tests "
            "it: two-tailed paired t-test over queries (of several collections least squares, "
            "errors HC3); Holm over the whole table of the CSV. Area: mean of normalised p over "
            "the steps, small where important tokens go first, large where they go last, below 0 "
            "where p falls below that of a pair without tokens. "
            f"{_INTERVAL} The paper's numbers are of BERT-large on MS MARCO, of "
            f"{PAPERS_STEPS} steps.",
        ],
        groups=[
            *(("", 1), ("first drop", 2), ("first drop (%)", 2), ("deleted, most first", 5)),
            ("area", len(_CURVES)),
        ],
        alignment=["l", *"r" * (9 + len(_CURVES))],
    )


def _share(n_steps: int | None) -> str:
    """What goes in one step."""
    return NOTHING if n_steps is None else f"{100 / n_steps:.3g} %"


def special_tokens_table(parts: pl.DataFrame, method: str) -> Table:
    """Score and weight of the parts at every layer, of ``method``; ``parts``: special_tokens."""
    own = over_collections(parts).filter(method=method)
    names = ["cls", "query", "sep1", "passage", "sep2"]
    rows = []
    for (layer,), frame in own.sort("layer").group_by("layer", maintain_order=True):
        of = {row["part"]: row for row in frame.iter_rows(named=True)}
        cells = [NOTHING if layer is None else str(layer)]
        for column, digits, factor in (("scaled", 2, 1), ("weight", 1, 100)):
            for name in names:
                row = of.get(name)
                cells.append(NOTHING if row is None else with_interval(row, column, digits, factor))
        rows.append([Cell(text) for text in cells])
    return Table(
        name="special_tokens",
        title=f"Special tokens over the layers, {method_label(method)}",
        columns=["layer", *names * 2],
        rows=rows,
        data=parts,
        notes=[
            "Score: of a token, scaled to 0–1 over its pair, mean over the part's tokens and over "
            "pairs. Weight: the part's share of all scores of a pair. cls: special tokens before "
            f"the query; sep1: between query and passage; sep2: after the passage. {_INTERVAL}"
        ],
        groups=[("", 1), ("score", 5), ("weight (%)", 5)],
        alignment=["l", *"r" * 10],
    )


def truncation_table(truncation: pl.DataFrame, is_papers: bool = True) -> Table:
    """Tokens that a top passage can lose (table 2 of paper 004); the table truncation_summary.

    ``is_papers``: whether they go by the paper's method, so that its numbers stand beside them.
    """
    rows = []
    for row in over_collections(truncation).iter_rows(named=True):
        tokens, percent = _REMOVED[row["fields"]] if is_papers else (None, None)
        cells = ["query and passage" if row["fields"] == "both" else "passage", number(tokens, 2)]
        cells += [with_interval(row, "n_removed", 2), number(percent, 2)]
        cells += [with_interval(row, "value", 2), with_interval(row, "never_falls", 1, 100)]
        rows.append([Cell(text) for text in (*cells, str(row["n_queries"]))])
    return Table(
        name="token_truncation",
        title="How many of its least important tokens a relevant top passage can lose",
        columns=["removed from", *["paper", "here"] * 2, "never falls (%)", "queries"],
        rows=rows,
        data=truncation,
        notes=[
            "Tokens go one by one, the least important first, until the passage is no longer at "
            "the top; of those that never fall all of them count. Percent: of the pair's tokens. "
            f"{_INTERVAL}"
        ],
        groups=[("", 1), ("tokens", 2), ("tokens (%)", 2), ("", 2)],
        alignment=["l", *"rrrrrr"],
    )


def sentence_order_table(orders: pl.DataFrame, significance: float = 0.05) -> Table:
    """Measures under other orders of sentences (table 3); the table sentence_order_summary."""
    shown = over_collections(orders)
    found = {(row["order"], row["measure"]): row for row in shown.iter_rows(named=True)}
    names = [one for one in MEASURES if one in set(shown["measure"])]
    rows = []
    for order, said in _ORDERS.items():
        if order not in set(shown["order"]):
            continue
        paper = dict(zip(MEASURES, said, strict=True))
        here = [_with_mark(found.get((order, one)), significance) for one in names]
        rows.append([Cell(order), *map(Cell, here)])
        rows.append([Cell(f"{order}, paper"), *(Cell(number(paper[one], 3)) for one in names)])
    return Table(
        name="sentence_order",
        title="Rankings of passages whose sentences change their order",
        columns=["order", *(MEASURES[one] for one in names)],
        rows=rows,
        data=orders,
        notes=[
            f"Means over queries. {_INTERVAL} *: differs from the original at p ≤ {significance:g} "
            "(paired t-test), †: also after Holm's correction over the table of the CSV. Measures "
            "that look further than passages were ranked are left out.",
        ],
        alignment=["l", *"r" * len(names)],
    )


def _with_mark(row: Mapping | None, significance: float) -> str:
    if row is None:
        return NOTHING
    marks = (("p_value_holm", "†"), ("p_value", "*"))
    found = [mark for name, mark in marks if row[name] is not None and row[name] <= significance]
    return with_interval(row, "value", 3) + "".join(found[:1])


def findings_table(findings: pl.DataFrame, study: StudyMethods) -> Table:
    """What the paper says beside what is found here; the table token_findings.

    A row a finding: the mean over the collections that have it, or the only one. The entry of the
    study's methods is named where a finding has several.
    """
    rows = []
    for of, shown in over_findings(findings).group_by("claim", maintain_order=True):
        several = shown["method"].n_unique() > 1
        words = CLAIMS[of[0]].words if of[0] in CLAIMS else of[0]
        for row in shown.iter_rows(named=True):
            entry = f" ({method_label(row['method'])})" if several else ""
            rows.append([Cell(words + entry), *_found(row)])
    return Table(
        name="token_findings",
        title="What paper 004 finds, and what is found here",
        columns=["finding", "paper", "here", "p", "n", "collections", "holds"],
        rows=rows,
        data=findings,
        notes=[
            f"{_INTERVAL} Those of percents of queries are exact.",
            "A finding holds where the whole interval is on its side (of 0, of 50 % "
            "of queries, of the paper's percent of removable tokens), it does not where it is "
            f"wholly on the other, else, and below {FEWEST} queries, it is undecided. Differences "
            "are shown; p: after Holm's correction where there is one. p falls faster by "
            f"{method_label(study.first)}, the study's first method, than by those named. The mean "
            "over the collections that have such queries, or the name of the only one; the CSV has "
            "each. A dash where the paper says nothing of such a method or number of steps.",
        ],
        alignment=["p{6cm}", "l", "r", "r", "r", "r", "l"],
    )


def over_findings(findings: pl.DataFrame) -> pl.DataFrame:
    """Of each finding the row of all collections, or those of single ones where there is none."""
    is_every = pl.col("collection") == EVERY
    return findings.filter(is_every | ~is_every.any().over("claim", "method"))


def _found(row: Mapping) -> list[Cell]:
    ends = {"value_low": row["ci_low"], "value_high": row["ci_high"]}
    digits = 1 if row["claim"] in _PERCENTS else 3
    is_every, holds = row["collection"] == EVERY, row["holds"] or NOTHING
    texts = [row["paper"] or NOTHING, with_interval(row | ends, "value", digits)]
    texts += [p_text(row["p_value"]), str(row["n"])]
    texts += [str(row["n_collections"]) if is_every else row["collection"]]
    return [*map(Cell, texts), Cell(holds, bold=holds == "yes")]
