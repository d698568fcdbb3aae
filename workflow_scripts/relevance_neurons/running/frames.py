"""Tables that a user gives: of polars, of pandas, or of neither."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from relevance_neurons.errors import UserError


def as_polars(table: object, name: str, columns: Iterable[str]) -> pl.DataFrame:
    """``table``, of polars or pandas, as a polars frame that has ``columns``.

    Raises ``UserError``, which calls it ``name``, for anything else and for a missing column.
    """
    columns = list(columns)
    if type(table).__module__.split(".")[0] == "pandas" and hasattr(table, "columns"):
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
