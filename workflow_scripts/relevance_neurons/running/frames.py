"""Tables that a user gives: of polars, of pandas, or of neither."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from relevance_neurons.errors import UserError

_NAMES = {"layer": pl.Int32, "component": pl.String, "neuron": pl.Int32}
"""The columns that name a neuron, and their types."""


def is_frame(table: object) -> bool:
    """Whether ``table`` is a frame of polars or of pandas."""
    return isinstance(table, pl.DataFrame) or _is_of_pandas(table)


def as_polars(table: object, name: str, columns: Iterable[str]) -> pl.DataFrame:
    """``table``, of polars or pandas, as a polars frame that has ``columns``.

    Raises ``UserError``, which calls it ``name``, for anything else and for a missing column.
    """
    columns = list(columns)
    if _is_of_pandas(table):
        table = pl.from_pandas(table)
    if not isinstance(table, pl.DataFrame):
        raise UserError(
            f"{name}: a {type(table).__name__} was found; a polars or pandas frame with "
            f"{', '.join(columns)} is needed"
        )
    if missing := [column for column in columns if column not in table.columns]:
        raise UserError(
            f"{name}: no column {', '.join(missing)} (it has {', '.join(table.columns)}); a frame "
            f"with {', '.join(columns)} is needed"
        )
    return table


def _is_of_pandas(table: object) -> bool:
    """Without pandas, which need not be there."""
    return type(table).__module__.split(".")[0] == "pandas" and hasattr(table, "columns")


def as_named_neurons(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """``table`` with its layer, component and neuron in the types of a ranker's own.

    Raises ``UserError``, which calls it ``name``, for a layer or neuron that is no whole number.
    """
    found = table.with_columns(pl.col(one).cast(kind, strict=False) for one, kind in _NAMES.items())
    for one in _NAMES:
        is_wrong = found[one].is_null()
        if table[one].dtype.is_float():
            is_wrong |= (table[one] != found[one]).fill_null(True)
        if is_wrong.any():
            raise UserError(
                f"{name}: {one} {table[one].filter(is_wrong)[0]!r} was found; layer and neuron "
                "must be whole numbers, component a text"
            )
    return found
