"""Maps of scores that ``attribute`` wrote, read again: one for each file, label and method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from relevance_neurons.command.files import read_table
from relevance_neurons.errors import UserError
from relevance_neurons.running.frames import as_named_neurons

MAP = ("collection", "label", "method")
"""Columns that tell maps of one file apart, where it has them."""
NEURON = ("layer", "component", "neuron")


def read_maps(files: Sequence[Path], label: str | None = None) -> dict[str, pl.DataFrame]:
    """The maps of files by name: the file, and behind it what tells it from others in the file.

    Columns: layer, component, neuron, score, and method and measured where they are there. With
    ``label`` those of the label alone. Raises ``UserError`` as ``read_table``, and for a file that
    has no map of the label.
    """
    found = {}
    for file in files:
        frame = read_table(file, (*NEURON, "score"))
        if label:
            frame = _of_label(frame, label, file)
        by = [name for name in MAP if name in frame.columns and frame[name].n_unique() > 1]
        for key, own in frame.partition_by(by, as_dict=True).items() if by else [((), frame)]:
            name = f"{file}: {', '.join(map(str, key))}" if key else str(file)
            more = [one for one in ("method", "measured") if one in own.columns]
            score = pl.col("score").cast(pl.Float64, strict=False)  # select refuses what is none
            found[name] = as_named_neurons(own.select(*NEURON, score, *more), name)
    return found


def _of_label(frame: pl.DataFrame, label: str, file: Path) -> pl.DataFrame:
    found = frame["label"].unique().sort().to_list() if "label" in frame.columns else []
    if label not in found:
        there = ", ".join(map(str, found)) or "no column label"
        raise UserError(f"{file}: no map of label {label!r}; it has {there}")
    return frame.filter(pl.col("label") == label)
