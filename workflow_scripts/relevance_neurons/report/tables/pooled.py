"""One test a scheme over the queries of all collections of a domain, and what it could find."""

from __future__ import annotations

import polars as pl

from relevance_neurons.report.names import scheme_label
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, number
from relevance_neurons.report.tables.methods import CONTROLS, effect_text, p_text
from relevance_neurons.report.tables.table4 import DOMAINS
from relevance_neurons.selection.ablation_kinds import PLAIN, named, with_kind

_DOMAINS = DOMAINS | {"all": "all"}


def pooled_table(pooled: pl.DataFrame, measure: str, significance: float = 0.05) -> Table:
    """What every scheme costs the ranking over the queries of several collections.

    ``pooled``: as the contract has pooled_effects, of which the text shows the plain rows, beside
    the means of their random and matched draws; the CSV has all.
    """
    keys = ["scheme", "top_percent", "domain"]
    columns = pooled.select(*keys, "difference_percent")
    percents = {tuple(key): percent for *key, percent in columns.iter_rows()}
    plain = with_kind(pooled).filter(kind=PLAIN)
    rows = []
    for row in plain.iter_rows(named=True):
        cells = [Cell(scheme_label(row["scheme"])), Cell(f"{row['top_percent']:g} %")]
        cells += [Cell(_DOMAINS[row["domain"]]), Cell(str(row["n_collections"]))]
        n_queries = row["n_queries"]  # none where the scheme is empty
        cells.append(Cell(NOTHING if n_queries is None else f"{n_queries:,}"))
        cells.append(Cell(effect_text(row, significance)))
        cells += [Cell(p_text(row[name])) for name in ("p_value", "p_value_holm")]
        for control in CONTROLS:
            key = (named(control, row["scheme"]), row["top_percent"], row["domain"])
            cells.append(Cell(number(percents.get(key), 1)))
            cells += [Cell(p_text(row[f"p_value_{control}{end}"])) for end in ("", "_t")]
        names = ("detectable_percent", "detectable_holm_percent")
        rows.append([*cells, *(Cell(number(row[name], 1)) for name in names)])
    return Table(
        name="pooled",
        title=f"One test a scheme over all queries of a domain: change of {measure} (%)",
        columns=[
            *("scheme", "level", "domain", "collections", "queries", f"change of {measure} (%)"),
            *("p", "p (Holm)", *["mean", "p (rank)", "p (t)"] * len(CONTROLS), "alone", "Holm"),
        ],
        rows=rows,
        data=pooled,
        notes=[
            "Mean over collections of 100 · (mean pruned − mean original) / mean original, each "
            "counting alike; in brackets the 95 % interval of a bootstrap over queries within each "
            "collection. p: two-tailed t-test of the mean over collections of the mean paired "
            "difference (least squares on the collections, errors HC3). *: p ≤ "
            f"{significance:g}; †: also after Holm's correction.",
            "Draws: as in table methods. Detectable: the smallest change that the test finds with "
            "a power of 0.8, alone and after Holm's correction in the worst case: a smaller true "
            "effect may well be missed.",
            f"{NOTHING}: not computed.",
        ],
        alignment=["l", "r", "l", *"r" * (7 + 3 * len(CONTROLS))],
        groups=[
            *(("", 8), *((heading, 3) for heading in CONTROLS.values())),
            ("detectable (%)", 2),
        ],
    )
