"""What paper 004 finds by removing tokens, beside what a study finds."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from relevance_neurons.tokens.claims import verdict
from relevance_neurons.tokens.finding_rows import Row, apart, finding
from relevance_neurons.tokens.methods import two_thirds
from relevance_neurons.tokens.study_methods import StudyMethods

PAPERS_STEPS = 9
"""Steps of the paper's curves: its first drop is that of a ninth of the tokens."""
_NAMES = {"information_bottleneck": "bottleneck"}


def of_degradation(
    areas: pl.DataFrame, study: StudyMethods, layer: int | None, n_layers: int | None
) -> Iterator[Row]:
    """Of tokens deleted, the most important first; ``n_layers``: of the ranker, None if unknown.

    ``faster_than_…``: value is the first's mean drop of p over all steps less the other method's;
    holds above 0. ``first_drop_…``: numbers alone, after the first step, as the paper's.
    ``lime_below_random``: the drops' intervals do not overlap, which asks more than a paired test.
    """
    own = areas.filter(removal="deletion", order="most")
    for name, kind in study.kinds.items():
        what = _NAMES.get(kind, kind)
        at = own.filter(pl.col("layer").is_null() | (pl.col("layer") == layer), method=name)
        for row in at.iter_rows(named=True):
            yield _first_drop(f"first_drop_{what}", row, study)
            if row["compared_with"] is not None:
                yield _faster_than(f"faster_than_{what}", row, study)
    yield from _lime_below_random(own, study)
    yield from _of_layers(own.filter(method=study.first), study, layer, n_layers)


def _first_drop(claim: str, row: Row, study: StudyMethods) -> Row:
    ends = (row["first_drop_low"], row["first_drop_high"])
    paper = _beside_paper(row, study)
    return finding(claim, row, row["first_drop"], ends, None, method=row["method"], paper=paper)


def _faster_than(claim: str, row: Row, study: StudyMethods) -> Row:
    names = ("drop_difference", "drop_difference_high", "drop_difference_low")
    value, *ends = (None if row[name] is None else -row[name] for name in names)
    paper = study.first_is_papers and _beside_paper(row, study)
    found = finding(claim, row, value, ends, verdict(*ends), method=row["method"], paper=paper)
    return found | {"p_value": row["p_value_holm"]}


def _beside_paper(row: Row, study: StudyMethods) -> bool:
    return study.beside_paper(row["method"]) and row["n_steps"] == PAPERS_STEPS


def _lime_below_random(areas: pl.DataFrame, study: StudyMethods) -> Iterator[Row]:
    names = [study.entry(kind) for kind in ("lime", "random")]
    for (_,), of in areas.group_by("collection", maintain_order=True):
        rows = {row["method"]: row for row in of.iter_rows(named=True)}
        if all(name in rows for name in names):
            lime, random = (rows[name] for name in names)
            ends = apart(lime, random, "first_drop")
            value, holds = lime["first_drop"] - random["first_drop"], verdict(*ends, above=False)
            of_lime = {"method": names[0], "paper": _beside_paper(lime, study)}
            yield finding("lime_below_random", lime, value, ends, holds, **of_lime)


def _of_layers(
    areas: pl.DataFrame, study: StudyMethods, layer: int | None, n_layers: int | None
) -> Iterator[Row]:
    """The layer whose mean drop is largest (smallest), beside the one that the paper names.

    value is the mean drop of the layer named, less the largest (smallest) of the others. What they
    have is the difference to ``layer``: of the fastest its paired interval, of the slowest, where
    neither is ``layer``, the ends of two such intervals, which must not overlap. The fastest is
    asked where ``layer`` is at two thirds and every layer was scored, the slowest where the
    ranker's last layer was.
    """
    if n_layers is None:
        return
    for (_,), of in areas.drop_nulls("layer").group_by("collection", maintain_order=True):
        rows = {row["layer"]: _beside_itself(row, layer) for row in of.iter_rows(named=True)}
        claims = [("last_layer_slowest", n_layers - 1, min)]
        if layer == two_thirds(n_layers) and set(rows) >= set(range(n_layers)):
            claims.append(("two_thirds_layer_fastest", layer, max))
        for claim, named, choose in claims:
            others = [row for number, row in rows.items() if number != named]
            if named not in rows or layer not in rows or not others:
                continue
            other = choose(others, key=lambda row: row["mean_drop"])
            ends = apart(rows[named], other, "drop_difference")
            value = rows[named]["mean_drop"] - other["mean_drop"]
            holds = verdict(*ends, above=choose is max)
            of_first = {"method": study.first, "paper": study.first_is_papers}
            yield finding(claim, rows[named], value, ends, holds, **of_first)


def _beside_itself(row: Row, layer: int | None) -> Row:
    """The row with no difference where it is the layer that the others are compared with."""
    names = [f"drop_difference_{end}" for end in ("low", "high")]
    return row | dict.fromkeys(names, 0.0) if row["layer"] == layer else row
