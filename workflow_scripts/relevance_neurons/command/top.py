"""relevance-neurons top: the neurons with the largest scores, of one map or of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from relevance_neurons.command.options import ResultOptions

Label = Literal["relevant", "non_relevant", "difference"]
Component = Literal["query", "key", "value", "attention_output", "intermediate", "ff_output"]
_SEVERAL = Parameter(negative=())

EPILOGUE = """\
Examples:

    relevance-neurons top scores.parquet --top-percent 1
    relevance-neurons top scores.parquet --label relevant --output neurons.csv
    relevance-neurons top scores.parquet others.parquet --across intersection
    relevance-neurons top scores.parquet --component value --layer 4 --layer 5
"""


def top(
    *scores: Path,
    top_percent: float = 1.0,
    across: Literal["fusion", "intersection"] = "fusion",
    rank_by: Literal["score", "absolute"] = "score",
    end: Literal["top", "bottom"] = "top",
    component: Annotated[list[Component] | None, _SEVERAL] = None,
    layer: Annotated[list[int] | None, _SEVERAL] = None,
    label: Label | None = None,
    results: ResultOptions = ResultOptions(),  # noqa: B008
) -> None:
    """Pick the neurons with the largest scores.

    A file that holds the maps of two labels holds two maps.

    Args:
        scores: Files that `attribute` wrote, or neuron_scores of a study: .parquet, .csv or .json.
        top_percent: How many, in % of the neurons that may be picked.
        across: Of several maps: their mean (fusion), or what each of them picks (intersection).
        rank_by: By the score, or by its size without the sign.
        end: The largest scores, or the most negative (bottom).
        component: Pick among these alone; may be given several times.
        layer: The same, by layer, from 0.
        label: Take the maps of this label alone. Without it the maps of all labels are joined, as
            --across says.
    """
    from relevance_neurons.command.maps import read_maps
    from relevance_neurons.command.results import check_output, give, say
    from relevance_neurons.errors import UserError
    from relevance_neurons.selection.select import select

    check_output(results)
    if not scores:
        raise UserError("top: no file was given; give one that relevance-neurons attribute wrote")
    maps = read_maps(scores, label)
    neurons = select(
        list(maps.values()),
        top_percent,
        across=across,
        rank_by=rank_by,
        end=end,
        components=component,
        layers=layer,
    )
    joined = "their mean" if across == "fusion" else "what all pick"
    several = f"{len(maps)} maps, {joined}: {'; '.join(maps)}"
    say(several if len(maps) > 1 else f"1 map: {next(iter(maps))}")
    ordered = neurons.sort("score", descending=end == "top", maintain_order=True)
    title = f"{len(neurons):,} neurons, {top_percent:g} % of those that may be picked"
    give(neurons, results, title, ordered)
