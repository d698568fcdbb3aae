"""Coloured token maps: a page of many pairs that opens anywhere, and a few for a notebook."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.tokens.pieces import readable
from relevance_neurons.tokens.token_colours import SCALES, fill, text_on

PAIR_COLUMNS = ("collection", "query_id", "doc_id", "label")
_OF_TOKENS = ("token", "word_number", "part")
_LETTERS = {"cls": "c", "query": "q", "sep1": "1", "passage": "p", "sep2": "2"}
_FOLDER = Path(__file__).parent
_CARD = "background:#ffffff;color:#16191c;padding:0.4em 0.8em"
_DIGITS, _SCALED_UNIT = 4, 10_000
"""Digits of a score; scaled scores are whole numbers of this unit. The file stays small."""


def token_map_page(
    token_scores: pl.DataFrame, token_checks: pl.DataFrame, title: str = "Token maps"
) -> str:
    """An HTML page with the pairs of ``token_scores`` in colours: one file that needs no network.

    ``token_scores``: collection, method, layer (null: none), query_id, doc_id, label, position,
    token, word_number, part, score, scaled; a row per token. ``token_checks``: collection,
    query_id, doc_id, label, is_cut, p_label; further rows of a pair are not read. Pairs and
    methods come in the order of their first rows. Scores keep four digits.

    Raises ``UserError`` where there is no pair, or a pair has different tokens under two methods.
    """
    if token_scores.is_empty():
        raise UserError("token_scores: no token was found; at least one pair is needed")
    methods = _methods(token_scores)
    data = {
        "scales": SCALES,
        "methods": [{"name": name, "layers": layers} for name, layers in methods.items()],
        "pairs": _pairs(token_scores, token_checks, methods),
    }
    return _page(title, data)


def notebook_html(frame: pl.DataFrame, most_pairs: int = 5) -> str:
    """The first pairs of ``TokenAttribution.frame`` in the same colours, for a notebook.

    Of several layers the one two thirds up. Where a pair has scores below 0 colours run from minus
    its largest size (blue) to plus that (orange), else over its scaled scores. A token's numbers
    show when it is pointed at.
    """
    layers = frame["layer"].drop_nulls().unique().sort().to_list()
    layer = layers[max(0, round(2 * len(layers) / 3) - 1)] if layers else None
    shown = frame if layer is None else frame.filter(pl.col("layer") == layer)
    pairs = shown["pair"].unique(maintain_order=True).to_list()
    more = (
        f"; {len(pairs) - most_pairs} more pairs are in frame()" if len(pairs) > most_pairs else ""
    )
    others = f" (of {', '.join(map(str, layers))})" if len(layers) > 1 else ""
    where = "" if layer is None else f" after layer {layer}{others}"
    parts = [_notebook_pair(shown.filter(pl.col("pair") == pair)) for pair in pairs[:most_pairs]]
    head = f"<p>Scores of tokens{where}, orange the largest, blue below 0{more}.</p>"
    return f'<div style="{_CARD}">{head}{"".join(parts)}</div>'


def _methods(token_scores: pl.DataFrame) -> dict[str, list[int | None]]:
    """The layers of each method."""
    found = token_scores.select("method", "layer").unique(maintain_order=True)
    return {
        name: sorted(found.filter(method=name)["layer"], key=lambda one: -1 if one is None else one)
        for name in found["method"].unique(maintain_order=True)
    }


def _pairs(
    token_scores: pl.DataFrame, token_checks: pl.DataFrame, methods: Mapping[str, list]
) -> list[dict[str, object]]:
    columns = [*_OF_TOKENS, "score", "scaled"]
    groups = (
        token_scores.sort("position", maintain_order=True)
        .group_by(*PAIR_COLUMNS, "method", "layer", maintain_order=True)
        .agg(columns)
    )
    order = token_scores.select(PAIR_COLUMNS).unique(maintain_order=True)
    checks = token_checks.unique(list(PAIR_COLUMNS), keep="first", maintain_order=True)
    named = order.join(checks, on=PAIR_COLUMNS, how="left", maintain_order="left")
    by_pair = groups.partition_by(*PAIR_COLUMNS, as_dict=True)
    return [
        _pair(row, by_pair[tuple(row[name] for name in PAIR_COLUMNS)], methods)
        for row in named.iter_rows(named=True)
    ]


def _pair(
    row: Mapping[str, object], groups: pl.DataFrame, methods: Mapping[str, list]
) -> dict[str, object]:
    """What the page's script reads of a pair; its ``scores`` by number of method and of layer."""
    first = groups.row(0, named=True)
    scores: list[list] = [[None] * len(layers) for layers in methods.values()]
    for one in groups.iter_rows(named=True):
        if any(one[name] != first[name] for name in _OF_TOKENS):
            raise UserError(
                f"token_scores: pair ({row['query_id']}, {row['doc_id']}) has other tokens under "
                f"{one['method']} than under {first['method']}; attribute its tokens again"
            )
        place = list(methods).index(one["method"]), methods[one["method"]].index(one["layer"])
        scores[place[0]][place[1]] = [
            [_rounded(score) for score in one["score"]],
            [None if _is_none(x) else round(x * _SCALED_UNIT) for x in one["scaled"]],
        ]
    return {
        **{name: str(row[name]) for name in PAIR_COLUMNS},
        "p": None if _is_none(row["p_label"]) else _probability(row["p_label"]),
        "is_cut": bool(row["is_cut"]),
        "tokens": readable(first["token"], first["word_number"]),
        "words": first["word_number"],
        "parts": "".join(_LETTERS[part] for part in first["part"]),
        "scores": scores,
    }


def _is_none(number: float | None) -> bool:
    return number is None or not math.isfinite(number)


def _rounded(score: float | None) -> float | int | None:
    if _is_none(score):
        return None
    found = float(f"{score:.{_DIGITS}g}")
    return int(found) if found.is_integer() and abs(found) < 10**_DIGITS else found


def _probability(p: float) -> str:
    """``= p`` with four digits; never a 0 or 1 that it is not."""
    if 0 < p < 5e-5:
        return "< 0.0001"
    return "> 0.9999" if 1 - 5e-5 <= p < 1 else f"= {p:.4f}"


def _page(title: str, data: Mapping[str, object]) -> str:
    def read(name: str) -> str:
        return (_FOLDER / name).read_text(encoding="utf-8")

    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # In a script element "</script>" or "<!--" would end or hide what follows.
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    script = read("token_colours.js") + read("token_maps.js")
    values = {"title": escape(title), "style": read("token_maps.css"), "script": script}
    values["data"] = text
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], read("token_maps.html"))


def _notebook_pair(tokens: pl.DataFrame) -> str:
    tokens = tokens.sort("position")
    label = str(tokens["label"][0]).replace("_", "-")
    size = tokens["score"].abs().max() or 1.0
    is_signed = (tokens["score"] < 0).any()
    values = (tokens["score"] / size if is_signed else tokens["scaled"]).to_list()
    texts = readable(tokens["token"].to_list(), tokens["word_number"].to_list())
    spans = dict.fromkeys(("query", "passage"), "")
    before: Mapping[str, object] = {}
    for row, value, text in zip(tokens.iter_rows(named=True), values, texts, strict=True):
        name = "passage" if row["part"] in ("passage", "sep2") else "query"
        goes_on = row["word_number"] is not None and row["word_number"] == before.get("word_number")
        spans[name] += ("" if goes_on else " ") + _span(row, value, text)
        before = row
    lines = (
        f'<div dir="auto" style="line-height:1.8">{one}</div>' for one in spans.values() if one
    )
    head = f'<p style="margin:0.6em 0 0"><b>{tokens["pair"][0]}</b> {escape(label)}</p>'
    return head + "".join(lines)


def _span(row: Mapping[str, object], value: float, text: str) -> str:
    background = fill(value)
    look = f"background:{background};color:{text_on(background)}"
    if row["word_number"] is None:
        look = f"font-size:75%;border-bottom:0.3em solid {background}"
    said = f"score {row['score']:.4g}, scaled {row['scaled']:.3f}, weight {row['weight']:.2%}"
    side = ' dir="ltr"' if row["word_number"] is None else ""  # the line's is that of its text
    return f'<span title="{escape(said)}"{side} style="{look}">{escape(text)}</span>'


def choose_pairs(pairs: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most ``most`` rows of ``pairs`` (``PAIR_COLUMNS``), from each collection in turn."""
    turn = pl.int_range(pl.len()).over("collection")
    chosen = pairs.with_row_index("row").sort(turn, "row").head(most)
    return chosen.sort("row").select(PAIR_COLUMNS)
