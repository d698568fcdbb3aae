"""Tables to the terminal, as CSV or JSON to a pipe, and whole to a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from relevance_neurons.command.options import ResultOptions
from relevance_neurons.errors import UserError

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".parquet", ".csv", ".json")
Writer = Callable[["pl.DataFrame", Path], object]


def check_output(options: ResultOptions, more: tuple[str, ...] = ()) -> None:
    """Raise ``UserError`` before anything is computed that could not be written afterwards.

    ``more``: suffixes that the command can write beside ``SUFFIXES``.
    """
    output, allowed = options.output, (*SUFFIXES, *more)
    if options.rows < 1:
        raise UserError(f"--rows: {options.rows} was found; a whole number from 1 is needed")
    if output is None:
        return
    if output.suffix not in allowed:
        raise UserError(
            f"--output: {output} ends in {output.suffix!r}; {', '.join(allowed)} are allowed"
        )
    if output.is_dir():
        raise UserError(f"--output: {output} is a folder; name a file in it")


def give(
    frame: pl.DataFrame,
    options: ResultOptions,
    title: str,
    shown: pl.DataFrame | None = None,
    formats: Mapping[str, str] | None = None,
) -> None:
    """Print ``frame`` as the options say, and write it to their file if they name one.

    ``shown``: what stands in the printed table, ``frame`` by default; ``formats``: how its columns
    are written there.
    """
    if options.output is not None and options.output.suffix in SUFFIXES:
        write_table(frame, options.output)
    if options.format == "table":
        shown = frame if shown is None else shown
        print_table(shown, title, options.rows, formats, len(frame))
    else:
        as_text = frame.write_csv if options.format == "csv" else frame.write_json
        print(as_text().rstrip("\n"))
    if options.output is not None:
        say(f"{options.output}: {len(frame):,} rows written")


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write ``frame`` by the suffix of ``path``, whole or not at all."""
    from relevance_neurons.running.outputs import whole, write_parquet

    if path.suffix == ".parquet":
        return write_parquet(frame, path)
    with whole(path) as temporary:
        (frame.write_csv if path.suffix == ".csv" else frame.write_json)(temporary)
    return None


def print_table(
    frame: pl.DataFrame,
    title: str,
    rows: int,
    formats: Mapping[str, str] | None = None,
    n_rows: int = 0,
) -> None:
    """Print the first ``rows`` of a table, numbers to the right, and that there are ``n_rows``."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    formats = formats or {}
    table = Table(box=box.SIMPLE_HEAD)
    for name, dtype in frame.schema.items():
        is_text = not dtype.is_numeric()
        table.add_column(
            name, justify="left" if is_text else "right", overflow="fold" if is_text else "ellipsis"
        )
    for row in frame.head(rows).iter_rows(named=True):
        table.add_row(*(Text(cell(value, formats.get(name))) for name, value in row.items()))
    # Into a pipe or a file, no line is cut at the width of a terminal that is not there.
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(title, style="bold")
    console.print(table)
    if n_rows > min(rows, len(frame)):
        console.print(f"{n_rows:,} rows in all (--output FILE writes them)")


def cell(value: object, form: str | None = None) -> str:
    """A value as a table shows it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return (form or "{:.4g}").format(value)
    return (form or "{}").format(value)


def say(text: str) -> None:
    """A line for the person at the terminal, beside the results: on standard error."""
    print(text, file=sys.stderr)
