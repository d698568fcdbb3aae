"""Methods side by side: what their schemes cost the ranking, and what else tells of a method."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from relevance_neurons.rankers.components import COMPONENTS
from relevance_neurons.report.names import method_label, parted
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, number
from relevance_neurons.report.tables.stability import usual_level
from relevance_neurons.report.tables.table4 import EMPTY
from relevance_neurons.selection.ablation_kinds import scheme_by

CONTROLS = {"random": "random draws", "matched": "matched draws"}
_THIRDS = ("first", "middle", "last")
_EVERY = "all neurons"
_MAPS = "PND"
"""Families whose schemes are the top of one map."""


def methods_table(
    methods: pl.DataFrame, names: Sequence[str], measure: str, significance: float = 0.05
) -> Table:
    """What the schemes of every method cost the ranking of each collection.

    ``methods``: as the contract has methods.parquet; ``names``: the study's methods, its own
    first. A row is a scheme at a level under a method, the methods below each other; the CSV is
    ``methods`` itself.
    """
    collections = methods["collection"].unique().sort().to_list()
    keys = ["base", "top_percent", "method"]
    base = pl.col("scheme").str.split("@").list.first()
    found = methods.with_columns(base=base).partition_by(keys, as_dict=True)
    bases = list(dict.fromkeys(parted(one)[0] for one in methods["scheme"]))
    levels = sorted(methods["top_percent"].unique())
    rows = [
        _effect_row(found[key], key, collections, significance)
        for key in ((base, level, name) for base in bases for level in levels for name in names)
        if key in found
    ]
    groups = [("", 4), (f"change of {measure} (%)", len(collections))]
    groups += [(heading, 3) for heading in CONTROLS.values()]
    return Table(
        name="methods",
        title=f"Methods side by side: change of {measure} (%) without the neurons that each picks",
        columns=[
            *("scheme", "level", "method", "neurons", *collections),
            *["mean", "p (rank)", "p (t)"] * len(CONTROLS),
            "% of attainable",
        ],
        rows=rows,
        data=methods,
        notes=[
            "100 · (mean pruned − mean original) / mean original, in brackets its 95 % bootstrap "
            f"interval over queries. *: p ≤ {significance:g}, two-tailed paired t-test over "
            "queries; †: also after Holm's correction over all methods, schemes, levels and "
            "collections of this table and their random controls.",
            "Draws: as many random neurons in the same layers and components, or such of like "
            "activation size (matched), mean over draws and collections. p (rank): share of the "
            "draws that lose at least as much, at best 1 / (draws + 1); p (t): one-sided t-test of "
            "the scheme as one more draw; of several collections the largest p.",
            f"{EMPTY}: no neuron is selected. {NOTHING}: not computed.",
        ],
        alignment=["l", "r", "l", *"r" * (len(collections) + 2 + 3 * len(CONTROLS))],
        groups=[*groups, ("", 1)],
    )


def _effect_row(
    own: pl.DataFrame, key: tuple, collections: Sequence[str], significance: float
) -> list[Cell]:
    base, level, method = key
    found = {row["collection"]: row for row in own.iter_rows(named=True)}
    cells = [Cell(base), Cell(f"{level:g} %"), Cell(method_label(method))]
    cells.append(Cell(f"{own['n_neurons'].max():,}"))
    cells += [Cell(_effect(found.get(name), significance)) for name in collections]
    for control in CONTROLS:
        cells.append(Cell(number(own[f"{control}_percent"].mean(), 1)))
        cells += [Cell(p_text(own[f"p_value_{control}{end}"].max())) for end in ("", "_t")]
    return [*cells, Cell(number(own["attainable_percent"].mean(), 1))]


def _effect(row: dict | None, significance: float) -> str:
    if row is None:
        return NOTHING
    return EMPTY if row["n_neurons"] == 0 else effect_text(row, significance)


def effect_text(row: dict, significance: float) -> str:
    """difference_percent of ``row`` with * and † for its p-values, and its interval."""
    text = number(row["difference_percent"], 1)
    for column, mark in (("p_value", "*"), ("p_value_holm", "†")):
        text += mark if row[column] is not None and row[column] <= significance else ""
    if row["ci_low"] is None:
        return text
    return f"{text} [{number(row['ci_low'], 1)}, {number(row['ci_high'], 1)}]"


def p_text(value: float | None) -> str:
    """A p-value of three digits."""
    return "< 0.001" if value is not None and value < 0.001 else number(value, 3)


def method_checks_table(
    methods: pl.DataFrame,
    schemes: pl.DataFrame,
    activations: pl.DataFrame,
    names: Sequence[str],
    attributed: Sequence[str],
) -> Table:
    """What else tells of each method: true changes, halves, the first method, places, cost.

    ``methods``, ``names``: as in ``methods_table``; ``schemes``: scheme, top_percent, layer,
    component, neuron; ``activations``: layer, component of every neuron of the ranker;
    ``attributed``: the collections with maps. The rows shown are those of the usual level, the
    CSV has all.
    """
    places = _places(schemes, activations, names, attributed)
    whole = activations.select(pl.lit(_EVERY).alias("method"), *_shares(activations))
    data = _by_method(methods, names).join(
        places, on=["method", "top_percent"], how="left", maintain_order="left"
    )
    data = pl.concat([data, whole], how="diagonal_relaxed")
    level = usual_level(methods["top_percent"].unique().to_list())
    shares = [name for name in data.columns if name.startswith("share_")]
    shown = data.filter((pl.col("top_percent") == level) | (pl.col("method") == _EVERY))
    rows = [_check_row(row, shares) for row in shown.iter_rows(named=True)]
    n_components = len(shares) - len(_THIRDS)
    headings = [name.removeprefix("share_").replace("_", " ") for name in shares]
    return Table(
        name="method_checks",
        title=f"Methods: what their scores foretell, where the top {level:g} % are, what they cost",
        columns=[
            *("method", "ρ, random neurons", "ρ, strong neurons", "halves (%)", "shared (%)"),
            *("forward passes", *(one.removeprefix("layers ") for one in headings)),
        ],
        rows=rows,
        data=data,
        notes=[
            "ρ: Spearman's rank correlation of scores with what F truly loses when one neuron "
            "alone gives 0, over random and over strong neurons (mean over labels, 95 % bootstrap "
            "interval over neurons). Halves: selected neurons that two random halves of a map's "
            f"pairs share. Shared: selected neurons shared with {method_label(names[0])}. Both are "
            "means over the maps.",
            "Forward passes: what a pair costs, in forward passes of the ranker (mean over pairs; "
            "a backward pass to the outputs counts as one). Neurons in: mean over the maps, in "
            "percent, by component and by third of the layers (first: nearest to "
            "the input); last row: of all neurons of the ranker, what chance would give.",
        ],
        alignment=["l", *"r" * (5 + len(shares))],
        groups=[
            *(("", 1), ("true changes", 2), ("selected neurons", 2), ("cost a pair", 1)),
            *(("neurons in (%)", n_components), ("in third of the layers (%)", len(_THIRDS))),
        ],
    )


def _check_row(row: dict, shares: Sequence[str]) -> list[Cell]:
    cells = [Cell(method_label(row["method"]))]
    cells += [Cell(_correlation(row, sample)) for sample in ("random", "strong")]
    cells += [
        Cell(number(row[one], 1)) for one in ("split_halves_percent", "overlap_first_percent")
    ]
    cells.append(Cell(number(row["cost_forwards"], 1)))
    return cells + [Cell(number(row[one], 0)) for one in shares]


def _correlation(row: dict, sample: str) -> str:
    ends = ("", "_low", "_high")
    value, low, high = (number(row[f"spearman_{sample}{end}"], 2) for end in ends)
    return value if low == NOTHING else f"{value} [{low}, {high}]"


def _by_method(methods: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """A row a method and level; what the columns say is the same for all of its schemes."""
    correlations = [name for name in methods.columns if name.startswith("spearman_")]
    columns = [*correlations, "split_halves_percent", "overlap_first_percent", "cost_forwards"]
    of_one = methods.filter(pl.col("method").is_in(list(names)))  # not of several, nor of heads
    rows = of_one.group_by("method", "top_percent").agg(pl.col(columns).drop_nulls().first())
    order = pl.col("method").replace_strict({name: i for i, name in enumerate(names)})
    return rows.sort(order, "top_percent")


def _places(
    schemes: pl.DataFrame,
    activations: pl.DataFrame,
    names: Sequence[str],
    attributed: Sequence[str],
) -> pl.DataFrame:
    """Shares of the neurons in each component and third of the layers, mean over the maps."""
    maps = [
        (scheme_by(f"{family}_{collection}", name, names[0]), name)
        for name in names
        for family in _MAPS
        for collection in attributed
    ]
    schema = {"scheme": pl.String, "method": pl.String}
    named = pl.DataFrame(maps, schema=schema, orient="row")
    own = schemes.join(named, on="scheme", maintain_order="left")
    # In their order, so that means have the same last digit in every run.
    of_each = own.group_by("scheme", "method", "top_percent", maintain_order=True)
    shares = of_each.agg(_shares(activations))
    means = shares.group_by("method", "top_percent", maintain_order=True)
    return means.agg(cs.starts_with("share_").mean())


def _shares(every: pl.DataFrame) -> list[pl.Expr]:
    """share_<component> and share_layers_<third> of rows of neurons, in percent."""
    there = set(every["component"])
    components = [*(one for one in COMPONENTS if one in there), *sorted(there - {*COMPONENTS})]
    third = 3 * pl.col("layer") // (every["layer"].max() + 1)
    shares = {one: pl.col("component") == one for one in components}
    shares |= {f"layers_{name}": third == place for place, name in enumerate(_THIRDS)}
    return [(100 * is_in.mean()).alias(f"share_{name}") for name, is_in in shares.items()]
