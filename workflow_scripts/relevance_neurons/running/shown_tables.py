"""Short tables for people: as text for a terminal, as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import polars as pl

_CARD = "background:#ffffff;color:#16191c;padding:0.4em 0.8em;overflow-x:auto"
_CELL = "padding:0.15em 0.7em;text-align:{};border-bottom:1px solid #d5d9dd"


def text_table(caption: str, frame: pl.DataFrame, formats: Mapping[str, str]) -> str:
    """The caption, and below it the columns of ``formats``, each by its format; nulls as –."""
    columns = [_cells(frame, name, how) for name, how in formats.items()]
    widths = [max(map(len, cells)) for cells in columns]
    sides = [_side(frame, name) for name in formats]
    lines = (
        "  ".join(
            cell.ljust(width) if side == "left" else cell.rjust(width)
            for cell, width, side in zip(cells, widths, sides, strict=True)
        ).rstrip()
        for cells in zip(*columns, strict=True)
    )
    return "\n".join([caption, *lines])


def html_table(caption: str, frame: pl.DataFrame, formats: Mapping[str, str]) -> str:
    """The same as an HTML table, readable on a light page and on a dark one."""
    columns = [_cells(frame, name, how) for name, how in formats.items()]
    sides = [_side(frame, name) for name in formats]
    head, *rows = (
        "".join(
            f'<{tag} style="{_CELL.format(side)}">{escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )
        for tag, cells in zip(["th", *["td"] * len(frame)], zip(*columns, strict=True), strict=True)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div style="{_CARD}"><table style="border-collapse:collapse;color:inherit">'
        f'<caption style="text-align:left;color:inherit">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(frame: pl.DataFrame, name: str, how: str) -> list[str]:
    return [name, *("–" if one is None else how.format(one) for one in frame[name])]


def _side(frame: pl.DataFrame, name: str) -> str:
    return "right" if frame[name].dtype.is_numeric() else "left"
