"""Which neurons: those with the highest scores of every map, and their rank in all others."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from relevance_neurons.report.explorer.choices import level_text
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.tables import table
from relevance_neurons.report.explorer.words import (
    LABELS,
    method_words,
    own_method,
)
from relevance_neurons.report.names import method_label

MAP = ("collection", "label", "method")
NEURON = ("layer", "component", "neuron")
CELLS, MOST, LEAST = 120_000, 200, 20
"""About as many cells of tables as the page may hold; most and least neurons of a map's list."""


def which(results: Results) -> Section | None:
    """A table a map: its first neurons with score, error, frequencies, own effect and ranks."""
    if not results.has("neuron_scores", "method", "standard_error"):
        return None
    maps = _ordered(results.query("which_maps"), own_method(results))
    most = listed(maps.height)
    tops = results.query("which_tops", most=most)
    extras = _Extras(results)
    shown = {
        tuple(row[name] for name in MAP): neuron_frame(tops, maps, row, most, extras)
        for row in maps.iter_rows(named=True)
    }
    views = {
        key: table(f"which-{number}", frame, _words(key, frame, maps, extras))
        for number, (key, frame) in enumerate(shown.items())
    }
    controls = [
        Control("collection", "Collection", _options(maps, "collection", str)),
        Control("label", "Pairs", _options(maps, "label", lambda one: LABELS.get(one, one))),
        Control("method", "Method", _options(maps, "method", method_words)),
    ]
    return Section(
        "which",
        "Which neurons",
        "The neurons with the highest scores of each map; click a heading to sort, type to search.",
        switched("which", controls, views),
    )


def listed(n_maps: int) -> int:
    """How many neurons of a map are listed: fewer where there are many, each of them a column."""
    return max(LEAST, min(MOST, CELLS // (n_maps * (8 + n_maps))))


class _Extras:
    """What some studies measured of single neurons beside their scores."""

    def __init__(self, results: Results) -> None:
        has_frequencies = results.has("selection_frequencies", "method", "frequency")
        self.frequencies = results.query("which_frequencies") if has_frequencies else None
        has_alone = results.has("single_neurons", "change_zero", "label", "method")
        self.alone = results.query("which_alone") if has_alone else None
        self.collection = results.study.get("sanity.collection")


def neuron_frame(
    tops: pl.DataFrame, maps: pl.DataFrame, row: dict[str, object], most: int, extras: _Extras
) -> pl.DataFrame:
    """The first ``most`` neurons of the map in ``row``, as the table shows them."""
    key = {name: row[name] for name in MAP}
    own = tops.filter(**key).sort("rank").head(most)
    frame = own.select(
        pl.col("rank").alias("rank"), *NEURON, "score", pl.col("standard_error").alias("std. error")
    )
    if extras.frequencies is not None:
        frame = _with_frequencies(frame, extras.frequencies.filter(**key))
    if extras.alone is not None:
        of_method = pl.col("method").is_null() | (pl.col("method") == key["method"])
        alone = extras.alone.filter(of_method, label=key["label"]).drop("label", "method")
        frame = frame.join(alone, on=NEURON, how="left", maintain_order="left")
        frame = frame.rename({"change_zero": "effect alone"})
    for other in maps.iter_rows(named=True):
        if other == row:
            continue
        ranks = tops.filter(**{name: other[name] for name in MAP}).select(
            *NEURON, pl.col("rank").alias(f"rank: {_map_words(other, maps)}")
        )
        frame = frame.join(ranks, on=NEURON, how="left", maintain_order="left")
    return frame.with_columns(pl.col("component").str.replace_all("_", " ", literal=True))


def _with_frequencies(frame: pl.DataFrame, frequencies: pl.DataFrame) -> pl.DataFrame:
    for one in frequencies["top_percent"].unique().sort().to_list():
        of_level = frequencies.filter(top_percent=one).select(
            *NEURON, pl.col("frequency").alias(f"frequency, top {level_text(one)}")
        )
        frame = frame.join(of_level, on=NEURON, how="left", maintain_order="left")
    return frame


def _words(
    key: tuple[str, str, str], frame: pl.DataFrame, maps: pl.DataFrame, extras: _Extras
) -> str:
    found = maps.filter(**dict(zip(MAP, key, strict=True))).row(0, named=True)
    words = (
        f"The first {frame.height:,} of {found['n_neurons']:,} neurons by {method_words(key[2])} "
        f"on {LABELS.get(key[1], key[1])} pairs of {key[0]}, means over {found['n_pairs']:,}; all "
        "others are in the table neuron_scores of neurons.duckdb. Ranks count from 1, the highest "
        "score."
    )
    if extras.frequencies is not None:
        words += (
            " Frequency: share of bootstrap samples of the pairs with the neuron among the top; "
            "empty where it never was."
        )
    if extras.alone is not None:
        on = f" on {extras.collection}" if extras.collection else ""
        words += (
            f" Effect alone: what the output{on} loses with only this neuron at zero; empty where "
            "not measured."
        )
    return words


def _map_words(row: dict[str, object], maps: pl.DataFrame) -> str:
    words = f"{row['collection']}, {LABELS.get(row['label'], row['label'])}"
    return f"{words}, {method_label(row['method'])}" if maps["method"].n_unique() > 1 else words


def _ordered(maps: pl.DataFrame, own: str) -> pl.DataFrame:
    return maps.sort(pl.col("method") != own, maintain_order=True)


def _options(maps: pl.DataFrame, column: str, words: Callable[[str], str]) -> list[tuple[str, str]]:
    return [(one, words(one)) for one in maps[column].unique(maintain_order=True)]
