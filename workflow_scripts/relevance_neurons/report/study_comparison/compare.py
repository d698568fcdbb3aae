"""Compare studies: the neurons and maps that they share, and what their rankers lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from pathlib import Path

import polars as pl

from relevance_neurons.ablation.verdicts import TABLE4, holm
from relevance_neurons.errors import UserError
from relevance_neurons.report.study_comparison.effects import EFFECTS, effects_side_by_side
from relevance_neurons.report.study_comparison.find import named
from relevance_neurons.report.study_comparison.maps import MAPS, TOPS, map_agreement
from relevance_neurons.report.study_comparison.pair import Pair, opened
from relevance_neurons.report.study_comparison.relation import Relation, other_methods, relate
from relevance_neurons.report.study_comparison.shared import SHARED, shared_neurons
from relevance_neurons.running.extras import extra
from relevance_neurons.running.outputs import whole
from relevance_neurons.selection.ablation_kinds import OF_METHOD, with_kind

STUDIES = {"study_a": pl.String, "study_b": pl.String}
_SCHEMAS: dict[str, pl.Schema] = {
    "relations": pl.Schema(
        {
            "relation": pl.String,
            "is_comparable": pl.Boolean,
            "reason": pl.String,
            "activation_spearman": pl.Float64,
            "n_passages": pl.Int64,
            "largest_score_change": pl.Float64,
        }
    ),
    "shared_neurons": SHARED,
    "maps": MAPS,
    "map_tops": TOPS,
    "effects": EFFECTS,
    "settings": pl.Schema({"key": pl.String, "value_a": pl.String, "value_b": pl.String}),
    "left_out": pl.Schema({"part": pl.String, "name": pl.String, "reason": pl.String}),
}


@dataclass(frozen=True, repr=False)
class StudyComparison:
    """What every two of some studies have in common; all frames start with study_a and study_b.

    relations: a row is two studies, whether their neurons are the same ones, and why (or why not);
    shared_neurons: a scheme at a level, beside chance; maps: a map (collection, label, method), its
    rank correlations; map_tops: a map at a level, beside chance; effects: an ablation on a
    collection, what both rankers lose, and the paired test where there is one (p_value_holm: over
    all pairs of studies; the plain and random rows are one family, each further kind its own);
    settings: a key in which two study files differ; left_out: what could not be compared, and why.
    """

    studies: dict[str, Path]
    relations: pl.DataFrame
    shared_neurons: pl.DataFrame
    maps: pl.DataFrame
    map_tops: pl.DataFrame
    effects: pl.DataFrame
    settings: pl.DataFrame
    left_out: pl.DataFrame

    def tables(self) -> dict[str, pl.DataFrame]:
        """Every frame by its name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "studies"}

    def write(self, folder: str | Path) -> None:
        """Write every table as Parquet and CSV, and explorer.html, to ``folder``, whole.

        The page needs the extra ``plots``: without it, ``UserError``.
        """
        with extra("plots"):
            from relevance_neurons.report.study_comparison.pages import write_comparison

        with whole(folder) as temporary:
            temporary.mkdir()
            for name, frame in self.tables().items():
                frame.write_parquet(temporary / f"{name}.parquet", compression="zstd")
                frame.write_csv(temporary / f"{name}.csv")
            write_comparison(temporary / "explorer.html", self)

    def __repr__(self) -> str:
        """A line for each two studies, and one that says how large the tables are."""
        sizes = ", ".join(f"{name} {len(frame)}" for name, frame in self.tables().items())
        return "\n".join([*self.sentences(), f"Rows: {sizes}"])

    def sentences(self) -> list[str]:
        """What each two rankers are to each other, a line each."""
        return [
            f"{row['study_a']} and {row['study_b']}: {row['relation']}: {row['reason']}"
            for row in self.relations.iter_rows(named=True)
        ]


def compare_studies(
    databases: Sequence[str | Path] | Mapping[str, str | Path], seed: int = 0
) -> StudyComparison:
    """Compare every two studies of ``databases``: files neurons.duckdb, with or without names.

    They are opened read-only. Neurons, and so schemes and maps, are compared only where the two
    rankers are one network, perhaps with other training: by what the study files name, or else by
    how active their neurons are (``relation.py``). What rankers lose is compared of any two; with a
    paired test over queries where both ranked the same candidates (``effects.py``), ``seed`` is
    that of its bootstrap. What one study lacks is in ``left_out``.

    Raises ``UserError`` for fewer than two studies, for a file that cannot be read, and where two
    studies have nothing in common.
    """
    studies = named(databases)
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in _SCHEMAS}
    for a, b in combinations(studies, 2):
        with opened({name: studies[name] for name in (a, b)}) as pair:
            for name, frame in _compare(pair, seed).items():
                both = [pl.lit(one).alias(key) for key, one in zip(STUDIES, (a, b), strict=True)]
                parts[name].append(frame.select(*both, pl.all()))
    tables = {name: pl.concat(frames) for name, frames in parts.items()}
    if not any(len(tables[name]) for name in ("shared_neurons", "maps", "effects")):
        why = "; ".join(tables["relations"]["reason"].unique(maintain_order=True))
        raise UserError(
            f"{', '.join(studies)}: nothing in them can be compared ({why}), and no two measured "
            "one ablation on one collection; run them with the same collections and schemes"
        )
    return StudyComparison(dict(studies), **tables | {"effects": _corrected(tables["effects"])})


def _compare(pair: Pair, seed: int) -> dict[str, pl.DataFrame]:
    relation = relate(pair)
    found = {"relations": pl.DataFrame([asdict(relation)], schema=_SCHEMAS["relations"])}
    found |= {name: pl.DataFrame(schema=kinds) for name, kinds in _SCHEMAS.items()} | found
    if relation.is_comparable:
        found["shared_neurons"] = shared_neurons(pair)
        found["maps"], found["map_tops"] = map_agreement(pair)
    found["effects"] = effects_side_by_side(pair, seed)
    if other_methods(pair):  # P_x of one study is another thing than P_x of the other
        for name in ("shared_neurons", "effects"):
            found[name] = found[name].filter(pl.col("scheme").str.contains(OF_METHOD, literal=True))
    found["settings"] = pair.query("settings").cast(_SCHEMAS["settings"])
    found["left_out"] = _left_out(pair, relation)
    return found


def _left_out(pair: Pair, relation: Relation) -> pl.DataFrame:
    """What is in one study alone, or cannot be compared, and why."""
    needs = {
        "shared neurons": ("schemes",),
        "maps": ("neuron_scores",),
        "effects": ("ablation_effects",),
    }
    whole_parts = {part: pair.reason(*tables) for part, tables in needs.items()}
    if not relation.is_comparable:
        whole_parts |= dict.fromkeys(("shared neurons", "maps"), relation.reason)
    rows = [(part, "all", reason) for part, reason in whole_parts.items() if reason]
    if other := other_methods(pair):
        unmarked = "schemes without a method in their names"
        parts = [one for one in ("shared neurons", "effects") if not whole_parts[one]]
        rows += [(part, unmarked, other) for part in parts]
    for part, name, is_in_a in pair.query("only_in_one").iter_rows():
        if not whole_parts[part]:
            rows.append((part, name, f"in {pair.names[0 if is_in_a else 1]} alone"))
    return pl.DataFrame(rows, schema=_SCHEMAS["left_out"], orient="row")


def _corrected(effects: pl.DataFrame) -> pl.DataFrame:
    """Add p_value_holm behind p_value."""
    families = with_kind(effects)["kind"].replace(dict.fromkeys(TABLE4, "table 4"))
    corrected, _ = holm(effects["p_value"], families)
    place = effects.columns.index("p_value") + 1
    return effects.insert_column(place, corrected.cast(pl.Float64).alias("p_value_holm"))
