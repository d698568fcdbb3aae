"""Relevance or breakage: what a scheme does to the level of the scores and to their differences."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from relevance_neurons.report.names import scheme_label
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, number
from relevance_neurons.selection.ablation_kinds import BOTTOM, RANDOM

KEYS = ["scheme", "top_percent", "collection"]
_SETS = [f"{kind}_{way}" for way, kind in itertools.product(("up", "down"), (RANDOM, BOTTOM))]
_WORDS = {RANDOM: "random", BOTTOM: "least important"}


def by_collection(changes: pl.DataFrame, effects: pl.DataFrame) -> pl.DataFrame:
    """A row a scheme (of any kind), level and collection: means over draws of ``changes``.

    ``changes``: level_changes; ``effects``: as ``ablation_effects`` returns. Adds shift (the mean
    of both labels' in logits), gap_kept_percent, spread_kept_percent and difference_percent.
    """
    shift = pl.mean_horizontal("shift_relevant", "shift_non_relevant")
    return (
        changes.with_columns(
            shift=shift,
            gap_kept_percent=100 + pl.col("gap_percent"),
            spread_kept_percent=100 + pl.col("spread_percent"),
        )
        .drop("draw")
        .group_by(KEYS, maintain_order=True)
        .agg(cs.numeric().mean())
        .join(
            effects.select(*KEYS, "difference_percent"), on=KEYS, how="left", maintain_order="left"
        )
    )


def mean_over_collections(rows: pl.DataFrame) -> pl.DataFrame:
    """The means of all numbers of ``by_collection`` for each scheme and level, in their order."""
    return rows.group_by("scheme", "top_percent", maintain_order=True).agg(cs.numeric().mean())


def levels_table(
    changes: pl.DataFrame,
    controls: pl.DataFrame,
    effects: pl.DataFrame,
    schemes: Sequence[str],
    measure: str,
) -> Table:
    """What each scheme does to scores on average and within a query, beside sets of like shift.

    ``changes``, ``controls``: as the contract has level_changes and level_controls; ``effects``:
    as ``ablation_effects`` returns; ``schemes``: those ablated, of all methods, in order. A row
    is a scheme at a level, the mean over collections; the CSV has a row a collection.
    """
    order = {name: place for place, name in enumerate(schemes)}
    own = by_collection(changes.filter(pl.col("scheme").is_in(schemes)), effects)
    data = own.join(_beside(controls), on=KEYS, how="left", maintain_order="left")
    place = pl.col("scheme").replace_strict(order, return_dtype=pl.Int64)
    data = data.sort(place, "top_percent", "collection")
    shown = mean_over_collections(data)
    return Table(
        name="levels",
        title=f"Level against difference: scores, their differences and {measure} without a scheme",
        columns=[
            *("scheme", "level", f"{measure} (%)", "relevant", "others", "relevant", "others"),
            *("gap", "spread", "ρ", "lexical", "semantic"),
            *(_WORDS[name.split("_")[0]] for name in _SETS),
        ],
        rows=[_row(row) for row in shown.iter_rows(named=True)],
        data=data,
        notes=[
            "Means over the collections. Shift: mean change of the logit margin, on relevant and "
            "on other passages of a query's pool; p(relevant): its mean without the scheme's "
            "neurons, in brackets that of the whole ranker. Kept: the difference of mean margins "
            "of relevant and other passages (gap), and the standard deviation of margins within a "
            "query's pool (spread), in percent of the whole ranker's. ρ: Spearman's, of a query's "
            "ranking with the whole ranker's.",
            "Pairs in order: share of (relevant, other) pairs whose relevant passage is scored "
            "higher, in percent (in brackets the whole ranker's), of relevant passages that share "
            "more terms with the query than the collection's median (lexical), and of the others "
            "(semantic).",
            "Sets that shift as far: of all random sets and of all other ends of rankings (least "
            "important first), the one whose shift is nearest to the scheme's size, up and down: "
            f"its change of {measure} (%), in brackets its own shift. A set whose shift is far "
            "from the scheme's is no control: there was no nearer one.",
            f"{NOTHING}: not computed.",
        ],
        alignment=["l", *"r" * (11 + len(_SETS))],
        groups=[
            *(("", 3), ("shift", 2), ("p(relevant)", 2), ("kept (%)", 2), ("", 1)),
            *(("pairs in order (%)", 2), ("shifting up as far", 2), ("shifting down as far", 2)),
        ],
    )


def _beside(controls: pl.DataFrame) -> pl.DataFrame:
    """A row a scheme, level and collection: what the sets of like shift are and do.

    Columns as control_shift_random_up.
    """
    values = [name for name in controls.columns if name.startswith("control")]
    kind = pl.col("control").str.split(":").list.first()
    return controls.with_columns(set=kind + "_" + pl.col("direction")).pivot(
        on="set", on_columns=_SETS, index=KEYS, values=values
    )


def _row(row: dict) -> list[Cell]:
    cells = [scheme_label(row["scheme"]), f"{row['top_percent']:g} %"]
    cells.append(number(row["difference_percent"], 1))
    cells += [signed(row[f"shift_{label}"]) for label in ("relevant", "non_relevant")]
    for label in ("relevant", "non_relevant"):
        cells.append(f"{number(row[f'p_{label}_pruned'], 2)} ({number(row[f'p_{label}'], 2)})")
    cells += [number(row[name], 0) for name in ("gap_kept_percent", "spread_kept_percent")]
    cells.append(number(row["rank_correlation"], 2))
    for pairs in ("lexical", "semantic"):
        whole, pruned = (_percent(row[f"accuracy_{pairs}{end}"]) for end in ("", "_pruned"))
        cells.append(NOTHING if pruned == NOTHING else f"{pruned} ({whole})")
    for name in _SETS:
        percent, shift = (row[f"control_{what}_{name}"] for what in ("difference_percent", "shift"))
        cells.append(NOTHING if percent is None else f"{number(percent, 1)} ({signed(shift)})")
    return [Cell(text) for text in cells]


def signed(value: float | None) -> str:
    """A number of two digits with its sign, also where it is above 0."""
    text = number(value, 2)
    return f"+{text}" if value is not None and value > 0 and float(text) else text


def _percent(share: float | None) -> str:
    return number(None if share is None else 100 * share, 0)
