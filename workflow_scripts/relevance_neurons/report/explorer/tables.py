"""Frames as tables that sort and search (DataTables, as itables bundles it), made when seen."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from html import escape

import polars as pl

from relevance_neurons.report.explorer.plots import as_data

NOTHING = ""
"""What a missing value shows; it sorts below every number."""


def table(
    name: str,
    frame: pl.DataFrame,
    caption: str,
    formats: Mapping[str, str] | None = None,
    search: bool = True,
) -> str:
    """``frame`` as a table under ``caption``; its columns' names are the headings.

    ``formats`` gives the format of a column's numbers ("{:.3f}"); others show four digits. Numbers
    sort by what is shown. ``name`` is unique in the page.
    """
    formats = formats or {}
    data = {
        "columns": [
            {"title": column, "number": frame[column].dtype.is_numeric()}
            for column in frame.columns
        ],
        "cells": [_cells(frame[column], formats.get(column)) for column in frame.columns],
        "search": search,
    }
    return (
        f'<figure class="table" id="table-{name}">\n'
        f'<figcaption id="table-{name}-caption">{escape(caption)}</figcaption>\n'
        f'<div class="scrolled" role="region" aria-labelledby="table-{name}-caption" tabindex="0">'
        f'<table aria-labelledby="table-{name}-caption"></table></div>\n'
        f'<script type="application/json">{as_data(_json(data))}</script>\n</figure>'
    )


def _cells(column: pl.Series, form: str | None) -> list[str]:
    form = form or ("{:.4g}" if column.dtype.is_float() else "{}")
    return [NOTHING if _is_none(value) else form.format(value) for value in column]


def _is_none(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
