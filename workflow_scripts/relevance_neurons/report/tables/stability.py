"""Tables of what a map owes to its pairs, to the points of its paths and to the settings."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from relevance_neurons.report.names import of_method
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, number

STABLE = 0.95
"""A neuron that at least this share of the bootstrap replicates select again."""
USUAL_LEVEL = 1.0
_MAP = ["collection", "label"]
_LABELS = {"relevant": "relevant", "non_relevant": "non-relevant"}
_WORDS = _LABELS | {"difference": "difference"}


def usual_level(levels: Sequence[float]) -> float:
    """Of the study's levels the one closest to 1 %, the lower of two."""
    return min(sorted(levels), key=lambda level: abs(level - USUAL_LEVEL))


def summarise_stability(
    frequencies: pl.DataFrame,
    split_halves: pl.DataFrame,
    convergence: pl.DataFrame | None,
    collections: pl.DataFrame,
    method: str | None = None,
) -> pl.DataFrame:
    """A row per map and level, nulls where the study did not ask.

    ``frequencies``: collection, label, top_percent, frequency, selected (rows that count);
    ``split_halves``: the same keys, shared_percent of each halving; ``convergence``: the same keys,
    what ``summarise_convergence`` returns; ``collections``: table 2's, of which the kept pairs;
    ``method``: whose maps, where there are several.
    """
    frequencies, split_halves = (of_method(one, method) for one in (frequencies, split_halves))
    labels = {f"kept_{label}": label for label in _LABELS}
    n_pairs = collections.unpivot(
        list(labels), index="collection", variable_name="label", value_name="n_pairs"
    ).with_columns(pl.col("label").replace_strict(labels))
    keys = [*_MAP, "top_percent"]
    frequency, shared = pl.col("frequency"), pl.col("shared_percent")
    summary = (
        frequencies.filter("selected")
        .group_by(keys, maintain_order=True)
        .agg(
            n_neurons=pl.len(),
            frequency_mean=frequency.mean(),
            stable_percent=100 * (frequency >= STABLE).mean(),
        )
    )
    halves = split_halves.group_by(keys).agg(
        n_halvings=pl.len(),
        halves_mean=shared.mean(),
        halves_low=shared.min(),
        halves_high=shared.max(),
    )
    if convergence is None:
        convergence = pl.DataFrame(schema=_CONVERGENCE)
    doubled = (
        of_method(convergence, method)
        .select(list(_CONVERGENCE))
        .rename({"n_pairs": "n_pairs_doubled", "shared_percent": "doubled_shared_percent"})
    )
    for other, of in ((n_pairs, _MAP), (halves, keys), (doubled, keys)):
        summary = summary.join(other, on=of, how="left", maintain_order="left")
    return summary.sort("top_percent", maintain_order=True)


_CONVERGENCE = dict.fromkeys(_MAP, pl.String) | dict.fromkeys(
    [
        *("top_percent", "n_pairs", "points", "points_doubled", "shared_percent", "kendall_tau"),
        *("relative_difference", "worst_pair_difference"),
    ],
    pl.Float64,
)


def stability_table(summary: pl.DataFrame) -> Table:
    """How far each map's selection depends on its pairs and on the points of the path.

    ``summary``: as ``summarise_stability`` returns; the rows shown are those of the usual level.
    """
    level = usual_level(summary["top_percent"].unique().to_list())
    rows = [
        [
            Cell(row["collection"]),
            Cell(_WORDS[row["label"]]),
            Cell(NOTHING if row["n_pairs"] is None else f"{row['n_pairs']:,}"),
            Cell(f"{row['n_neurons']:,}"),
            Cell(_range(row, "halves", 1)),
            Cell(number(row["frequency_mean"], 2)),
            Cell(number(row["stable_percent"], 0)),
            Cell(number(row["doubled_shared_percent"], 1)),
            Cell(number(row["kendall_tau"], 3)),
            Cell(number(_percent(row["worst_pair_difference"]), 2)),
        ]
        for row in summary.filter(top_percent=level).iter_rows(named=True)
    ]
    columns = ["collection", "label", "pairs", "neurons", "shared by halves (%)", "frequency"]
    columns += [f"≥ {STABLE:g} (%)", "shared (%)", "τ", "worst pair (%)"]
    return Table(
        name="stability",
        title=f"Stability of the top {level:g} % over pairs and over points of the path",
        columns=columns,
        rows=rows,
        data=summary,
        notes=[_note_on_pairs(summary), _note_on_points(summary)],
        groups=[("", 4), ("over pairs", 3), ("twice the points", 3)],
        alignment=["l"] * 2 + ["r"] * 8,
    )


def _note_on_pairs(summary: pl.DataFrame) -> str:
    n_halvings = summary["n_halvings"].max()
    return (
        "Shared by halves: selected neurons that two random halves of the pairs share (mean, in "
        f"brackets the range, of {n_halvings or 'no'} halvings); two collections with the same "
        "true map would share more, as each has all its pairs. Frequency: "
        "share of the bootstrap replicates over pairs that select a selected neuron again, on "
        f"average, and how many neurons have at least {STABLE:g}."
    )


def _note_on_points(summary: pl.DataFrame) -> str:
    n_pairs = summary["n_pairs_doubled"].max()
    if n_pairs is None:
        return f"{NOTHING}: the study asks for no check of convergence."
    return (
        f"Twice the points: the means over the first {n_pairs:g} pairs at most, with half of "
        "every step along the path: selected neurons that stay, Kendall's τ over all neurons, and "
        "how much the scores of the worst pair change (L2 norm, in % of its scores)."
    )


def sensitivity_table(sensitivity: pl.DataFrame, method: str | None = None) -> Table:
    """What other settings of the attribution change: a row per two variants.

    ``sensitivity``: collection, label, variant_a, variant_b, top_percent, kendall_tau, spearman,
    shared_percent, expected_percent; the rows shown are means over the maps at the usual level;
    ``method``: whose maps, where there are several.
    """
    sensitivity = of_method(sensitivity, method)
    level = usual_level(sensitivity["top_percent"].unique().to_list())
    shown = sensitivity.filter(top_percent=level)
    named = {"kendall_tau": "tau", "spearman": "rho", "shared_percent": "shared"}
    statistics = {
        f"{name}_{suffix}": getattr(pl.col(column), method)()
        for column, name in named.items()
        for suffix, method in (("mean", "mean"), ("low", "min"), ("high", "max"))
    }
    pairs = shown.group_by("variant_a", "variant_b", maintain_order=True).agg(
        n_maps=pl.len(), expected=pl.col("expected_percent").mean(), **statistics
    )
    rows = [
        [
            Cell(row["variant_a"]),
            Cell(row["variant_b"]),
            Cell(str(row["n_maps"])),
            Cell(_range(row, "tau", 2)),
            Cell(_range(row, "rho", 2)),
            Cell(_range(row, "shared", 1)),
            Cell(number(row["expected"], 1)),
        ]
        for row in pairs.iter_rows(named=True)
    ]
    return Table(
        name="sensitivity",
        title="Maps under other settings of the attribution",
        columns=["variant", "other variant", "maps", "τ", "ρ", "shared (%)", "chance (%)"],
        rows=rows,
        data=sensitivity,
        notes=[
            "Mean over the maps (a collection and label each), in brackets the range: Kendall's τ "
            f"and Spearman's ρ over all neurons, and how much of their top {level:g} % two "
            "variants share. study: the settings of the study itself."
        ],
        alignment=["l", "l", "r", "r", "r", "r", "r"],
    )


def _range(row: dict, name: str, digits: int) -> str:
    """Mean and, where there are several different values, lowest and highest in brackets."""
    mean, low, high = (
        number(row[f"{name}_{suffix}"], digits) for suffix in ("mean", "low", "high")
    )
    return mean if low == high else f"{mean} [{low}, {high}]"


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
