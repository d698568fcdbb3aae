"""The neurons of a map, or of several, with the highest scores: what a study's schemes pick.

One of a study's schemes without the study: the same SQL picks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from relevance_neurons.attribution.mean_scores import Attribution
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.running.frames import as_named_neurons, as_polars
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql
from relevance_neurons.selection.schemes import Scheme
from relevance_neurons.statistics.map_agreement import n_selected

DEFINE = Path(__file__).with_name("define_schemes.sql")
SELECT = Path(__file__).with_name("select_neurons.sql")

_CHOICES = {
    "across": ("fusion", "intersection"),
    "rank_by": ("score", "absolute"),
    "end": ("top", "bottom"),
}
_LABEL, _METHOD = "relevant", "any"
"""Of every map here: what a study tells maps apart by, beside their collection."""

Map = Attribution | pl.DataFrame


def select(
    maps: Map | Sequence[Map],
    top_percent: float,
    across: str = "fusion",
    rank_by: str = "score",
    end: str = "top",
    components: Collection[str] | None = None,
    layers: Collection[int] | None = None,
) -> pl.DataFrame:
    """The ``top_percent`` % (0 to 100) of the neurons with the highest scores in ``maps``.

    ``maps`` is what ``attribute`` gives, or a frame (layer, component, neuron, score), or several
    of these of one ranker. Of several, "fusion" ranks by the mean of the maps, "intersection"
    takes the neurons that are in the top of each. ``rank_by`` is "score" or "absolute" (the score
    without its sign), ``end`` "top" or "bottom" (the lowest). With ``components`` or ``layers`` it
    is top_percent % of the neurons of these alone.

    As many neurons as round(top_percent / 100 × n), halves upwards; ties are broken by layer,
    component (in the order of a layer's work) and neuron. Returns layer, component, neuron and
    score, the mean over the maps, in that order; no row where an intersection is empty.

        top = select([attribute(ranker, pairs), attribute(ranker, others)], 1, "intersection")

    Raises ``UserError`` for maps of different neurons, for a score that is no finite number, for a
    level that selects nothing, for neurons that a map's method did not measure, and for the mean
    of maps of several methods (``attribute``'s, or by a column ``method``): their scores have no
    unit in common.
    """
    _check_choices({"across": across, "rank_by": rank_by, "end": end})
    frames = _frames(maps)
    _check_methods(frames, across)
    _check_places(frames[0], components, layers)
    names = tuple(f"map_{number:06}" for number in range(len(frames)))
    scheme = Scheme(
        "selected",
        (_LABEL,),
        names,
        (_METHOD,),
        across_collections=across,
        rank_by=rank_by,
        pick=end,
        components=tuple(components or ()),
        layers=tuple(layers or ()),
    )
    _check_level(top_percent, frames[0], scheme)
    found = _selected(dict(zip(names, frames, strict=True)), scheme, float(top_percent))
    _check_measured(found, frames)
    return found


def _selected(maps: dict[str, pl.DataFrame], scheme: Scheme, top_percent: float) -> pl.DataFrame:
    members = run_sql(DEFINE, definitions=[scheme.as_dict()])
    with TemporaryDirectory() as folder:  # DuckDB reads files, in a study as here
        files = [Path(folder) / f"{name}.parquet" for name in maps]
        for (name, frame), file in zip(maps.items(), files, strict=True):
            of = {"collection": name, "label": _LABEL, "method": _METHOD}
            columns = [pl.lit(value).alias(key) for key, value in of.items()]
            write_parquet(frame.select(*columns, *NEURON_COLUMNS, "score"), file)
        found = run_sql(SELECT, neuron_scores=files, schemes=members, top_percents=[top_percent])
    return found.select(*NEURON_COLUMNS, "score").cast({"layer": pl.Int32, "neuron": pl.Int32})


def _frames(maps: object) -> list[pl.DataFrame]:
    """The frame of each map, of the same neurons, all with finite scores."""
    one_by_one = list(maps) if isinstance(maps, list | tuple) else [maps]
    if not one_by_one:
        raise UserError("maps: none was given; at least one is needed")
    frames: list[pl.DataFrame] = []
    for number, one in enumerate(one_by_one):
        where = f"maps[{number}]" if len(one_by_one) > 1 else "maps"
        table = one
        if isinstance(one, Attribution):
            table = one.frame().with_columns(pl.lit(one.method).alias("method"))
        frame = as_polars(table, where, [*NEURON_COLUMNS, "score"])
        _check_map(frame, where, frames[0] if frames else frame)
        frames.append(frame)
    return frames


def _check_map(frame: pl.DataFrame, where: str, first: pl.DataFrame) -> None:
    neurons = as_named_neurons(frame.select(NEURON_COLUMNS), where)
    if frame.is_empty() or neurons.is_duplicated().any():
        raise UserError(f"{where}: it has no neuron, or one twice; a row per neuron is needed")
    if (
        not frame["score"].dtype.is_numeric()
        or not frame["score"].is_finite().fill_null(False).all()
    ):
        raise UserError(f"{where}: not all scores are finite numbers; attribute the pairs again")
    other = as_named_neurons(first.select(NEURON_COLUMNS), where)
    if not len(frame) == len(first) == len(neurons.join(other, on=NEURON_COLUMNS)):
        raise UserError(
            f"{where}: its {len(frame)} neurons are not the {len(first)} neurons of maps[0]; all "
            "maps must come from the same ranker"
        )


def _check_choices(given: dict[str, str]) -> None:
    for name, value in given.items():
        if value not in _CHOICES[name]:
            raise UserError(f"{name}: {value!r} was found; allowed: {', '.join(_CHOICES[name])}")


def _check_methods(frames: Sequence[pl.DataFrame], across: str) -> None:
    """Refuse a mean over methods, as no scheme of a study takes one."""
    named = (frame["method"].unique().to_list() for frame in frames if "method" in frame.columns)
    methods = sorted({str(method) for own in named for method in own if method is not None})
    if across == "fusion" and len(methods) > 1:
        raise UserError(
            f"across: fusion was found with maps of {', '.join(methods)}, whose scores have no "
            "unit in common; take intersection, or maps of one method"
        )


def _check_places(
    frame: pl.DataFrame, components: Collection[str] | None, layers: Collection[int] | None
) -> None:
    for column, wanted in (("component", components), ("layer", layers)):
        if isinstance(wanted, str | int):
            raise UserError(f"{column}s: {wanted!r} was found; a list is needed: [{wanted!r}]")
        there = frame[column].unique().sort().to_list()
        for one in wanted or ():
            if one not in there:
                raise UserError(
                    f"{column}s: the ranker has no {column} {one!r}; it has "
                    f"{', '.join(map(str, there))}"
                )


def _check_level(top_percent: float, frame: pl.DataFrame, scheme: Scheme) -> None:
    is_in = pl.lit(True)
    if scheme.components:
        is_in &= pl.col("component").is_in(scheme.components)
    if scheme.layers:
        is_in &= pl.col("layer").is_in(scheme.layers)
    n = len(frame.filter(is_in))
    if not isinstance(top_percent, int | float):
        raise UserError(f"top_percent: {top_percent!r} was found; a number is needed: 1 for 1 %")
    if not 0 < top_percent <= 100 or n_selected(top_percent, n) < 1:
        raise UserError(
            f"top_percent: {top_percent:g} % of {n} neurons was asked for; it must be at most 100 "
            f"and select at least one: {50 / max(1, n):.2g} % or more"
        )


def _check_measured(found: pl.DataFrame, frames: Sequence[pl.DataFrame]) -> None:
    for frame in frames:
        if "measured" not in frame.columns:
            continue
        left = frame.filter(~pl.col("measured")).select(NEURON_COLUMNS)
        left = left.cast({"layer": pl.Int32, "neuron": pl.Int32})
        if n := len(found.join(left, on=NEURON_COLUMNS, how="semi")):
            raise UserError(
                f"top_percent: {n} of the {len(found)} selected neurons were not measured by the "
                "map's method; take a lower top_percent, or attribute with a higher screen_percent"
            )
