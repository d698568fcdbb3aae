"""Tables of the sanity checks: random weights, and single neurons switched off."""

from __future__ import annotations

import polars as pl

from relevance_neurons.report.names import of_method
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, number

CHANGES = ("zero", "mean")


def randomisation_table(randomisation: pl.DataFrame, method: str | None = None) -> Table:
    """How little of the scores is left once weights are random (METHOD, section 2.9).

    ``randomisation``: a row per label and step, as ``randomise_layers`` returns it; ``method``:
    whose scores, where there are several.
    """
    randomisation = of_method(randomisation, method)
    rows = [
        [
            Cell(row["label"]),
            Cell(row["what"]),
            Cell(number(row["spearman"], 3)),
            Cell(number(row["spearman_absolute"], 3)),
            Cell(number(row["shared_percent"], 1)),
            Cell(number(row["expected_percent"], 1)),
            Cell(number(row["f_change_mean"], 4)),
        ]
        for row in randomisation.iter_rows(named=True)
    ]
    level, n_pairs = randomisation["top_percent"].max(), randomisation["n_pairs"].max()
    return Table(
        name="randomisation",
        title="Scores after weights became random, from the head down",
        columns=[
            "label",
            "random from",
            "ρ",
            "ρ of |score|",
            "shared %",
            "by chance %",
            "mean |ΔF|",
        ],
        rows=rows,
        data=randomisation,
        notes=[
            f"ρ: Spearman's rank correlation of all neurons' mean scores over {n_pairs} pairs with "
            "those of the real ranker; the sign that a random head gives is arbitrary. Shared: of "
            f"the top {level:g} %. ΔF: change of F along the path. A random ranker's scores must "
            "not be those of the real one."
        ],
        alignment=["l", "l", *"rrrrr"],
    )


def single_neurons_table(correlations: pl.DataFrame, method: str | None = None) -> Table:
    """Score against true change, by component (METHOD, section 2.10).

    ``correlations``: a row per label and component (and sample), as ``neuron_correlations`` returns
    it; ``method``: whose scores, where there are several. The CSV has all methods.
    """
    own = of_method(correlations, method)
    keys = [one for one in ("label", "sample", "component") if one in own.columns]
    rows = [
        [*(Cell(row[name]) for name in keys), Cell(str(row["n_neurons"]))]
        + [
            cell
            for name in CHANGES
            for cell in (
                Cell(_with_interval(row, name)),
                Cell(number(row[f"spearman_absolute_{name}"], 2)),
                Cell(number(row[f"same_sign_percent_{name}"], 0)),
                Cell(number(_resolved_percent(row, name), 0)),
            )
        ]
        for row in own.iter_rows(named=True)
    ]
    return Table(
        name="single_neurons",
        title="A neuron's score against what F loses without it",
        columns=[
            *keys,
            "neurons",
            *["ρ [95 % interval]", "ρ of sizes", "same sign %", "resolved %"] * 2,
        ],
        rows=rows,
        data=correlations,
        notes=[
            f"Each neuron of the sample switched off alone, over {own['n_pairs'].max()} "
            "pairs: it gives 0, or its mean. ρ: Spearman's rank correlation over neurons of the "
            "score with F(x) − F(x without it), in brackets its 95 % interval (bootstrap over "
            "neurons, BCa); of sizes: of both without their signs. Resolved: neurons whose mean "
            "change is more than two standard errors from 0; the others' signs and ranks may be "
            "noise, of pairs or of rounding. Where attention saturates, "
            "scores of query and key may miss what the neurons do.",
            *_note_on_samples(own),
        ],
        groups=[("", len(keys) + 1), ("gives 0", 4), ("gives its mean", 4)],
        alignment=[*("l" for _ in keys), *"rrrrrrrrr"],
    )


def _note_on_samples(correlations: pl.DataFrame) -> list[str]:
    if "sample" not in correlations.columns:
        return []
    return [
        "Sample: random neurons, as many of each component, or strong ones, with large scores "
        "(whose wider range by itself raises ρ)."
    ]


def _resolved_percent(row: dict, name: str) -> float | None:
    found = row[f"n_resolved_{name}"]
    return None if found is None else 100 * found / row["n_neurons"]


def _with_interval(row: dict, name: str) -> str:
    columns = ("spearman", "spearman_low", "spearman_high")
    value, low, high = (number(row[f"{column}_{name}"], 2) for column in columns)
    return value if low == NOTHING else f"{value} [{low}, {high}]"
