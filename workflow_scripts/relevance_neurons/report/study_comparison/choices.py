"""Views of every two studies, and of what else a reader chooses, with no control for one choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.tables import table
from relevance_neurons.report.names import method_label, parted

PAIR = ["study_a", "study_b"]
BETWEEN = " and "
OWN = "own"
"""Stands for the method that a study's own schemes, of plain names, are of."""
Words = Callable[[Any], str]
"""What a value is called in a control."""
METHOD: dict[str, tuple[str, Words]] = {
    "method": ("Method", lambda one: "the study's own" if one == OWN else method_label(str(one)))
}


def pairs(frame: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Every two studies that ``frame`` has rows of, in its order."""
    yield from frame.select(PAIR).unique(maintain_order=True).iter_rows()


def chosen(
    name: str,
    frame: pl.DataFrame,
    choices: Mapping[str, tuple[str, Words]],
    draw: Callable[[str, pl.DataFrame], str],
    across: bool = False,
) -> str:
    """A view of ``frame`` for every two studies and values of the columns of ``choices``.

    ``across``: all studies in one view.
    ``choices``: column -> (label, its value in words). ``draw``: from a name of its own and the
    view's rows to HTML. What has one value alone gets no control.
    """
    asked: dict[str, tuple[str, Words]]
    asked = dict(choices) if across else {"studies": ("Studies", str), **choices}
    rows = frame.with_columns(studies=pl.concat_str(PAIR, separator=BETWEEN))
    values = {key: _values(rows[key]) for key in asked}
    keys = [key for key in asked if len(values[key]) > 1]
    if not keys:
        return draw(name, frame)
    groups = rows.partition_by(keys, as_dict=True, maintain_order=True)
    controls = [
        Control(key, asked[key][0], [(str(one), asked[key][1](one)) for one in values[key]])
        for key in keys
    ]
    views = {
        tuple(str(one) for one in group): draw(f"{name}-{place}", view.drop("studies"))
        for place, (group, view) in enumerate(groups.items())
    }
    return switched(name, controls, views)


def _values(column: pl.Series) -> list:
    """What a reader chooses from: names as they come, numbers in their order."""
    found = column.unique(maintain_order=True)
    return (found.sort() if column.dtype.is_numeric() else found).to_list()


def rows_of(figure: go.Figure, n: int) -> None:
    """Have the ``n`` names on the y axis from above, without the room that markers are given."""
    figure.update_yaxes(range=[n - 0.5, -0.5], tickmode="linear")


def with_method(frame: pl.DataFrame) -> pl.DataFrame:
    """Schemes' own rows with the parts of their names, ``family`` and ``method``; ``OWN`` first."""
    parts = [parted(scheme) for scheme in frame["scheme"]]
    return (
        frame.with_columns(
            family=pl.Series([family for family, _ in parts], dtype=pl.String),
            method=pl.Series([method or OWN for _, method in parts], dtype=pl.String),
        )
        .filter(~pl.col("scheme").str.contains(":", literal=True))
        .sort(pl.col("method") != OWN, maintain_order=True)
    )


def listing(
    name: str, frame: pl.DataFrame, columns: Mapping[str, tuple[str, str | None]], caption: str
) -> str:
    """A table of ``columns``: column -> (heading, format of its numbers).

    In a heading {a} and {b} are the names of two studies, where all rows are of the same two, and
    else "first" and "second", whose names are then in the columns of ``PAIR``.
    """
    found = list(pairs(frame))
    a, b = found[0] if len(found) == 1 else ("first", "second")
    shown = {
        column: (words.format(a=a, b=b), form)
        for column, (words, form) in columns.items()
        if len(found) > 1 or column not in PAIR
    }
    headed = frame.select(pl.col(column).alias(words) for column, (words, _) in shown.items())
    formats = {words: form for words, form in shown.values() if form}
    return table(name, headed, caption, formats=formats)


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else words[0]
