"""How the ranker ranks: its heads, a semantic BM25 over them, and the neurons that they hold."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.head_neurons import neurons_in_heads
from relevance_neurons.report.explorer.head_regressions import semantic_bm25
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.plots import DIVERGING, SEQUENTIAL, plot
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.tables import table

_VALUES = {
    "match_attention": "attention to equal words",
    "cls_query_share": "attention from [CLS] to the query",
    "path_effect": "effect of its path to the last residual stream",
    "output_effect": "effect of its output",
}
_MEANS = {
    "match_attention": "how much more a query word attends to equal words of the passage than the "
    "query's other words do; a matching head surpasses what shuffled passages and re-initialised "
    "rankers reach",
    "cls_query_share": "attention from [CLS] to query tokens, as a multiple of what even attention "
    "would give",
    "path_effect": "share of the logit's change that goes straight from the head to the last "
    "residual stream when it holds what it gives after the perturbation; 1 is the whole change",
    "output_effect": "share of the logit's change when the head's output is patched from the "
    "passage with the term added (TFC1); 1 is the whole change",
}
_MARKS = {"matching": "M", "relevance": "R", "both": "MR"}


def head_views(results: Results) -> Section | None:
    """What is known of heads; None where the stage mechanism did not run."""
    parts = []
    if results.has("heads"):
        heads = results.query("head_kinds")
        parts += [_maps(heads), _reasons(heads), _found_table(heads)]
    if results.has("semantic_bm25"):
        parts.append(semantic_bm25(results.query("regressions")))
    if results.has("head_overlaps"):
        significance = float(results.study.get("ablation.significance", 0.05))
        parts.append(neurons_in_heads(results.query("neurons_in_heads"), significance))
    if not parts:
        return None
    lead = (
        "Which attention heads match the query's words and which carry them on, how far a BM25 "
        "over them explains the ranker, and which selected neurons are theirs."
    )
    return Section("head_views", "Which heads", lead, "\n".join(parts))


def _maps(heads: pl.DataFrame) -> str:
    views = {}
    for value, words in _VALUES.items():
        if heads[value].null_count() == len(heads):
            continue
        views[(value,)] = plot(
            f"heads-{value}",
            _map(heads, value, words),
            f"Every head of the ranker: {_MEANS[value]}. M: matching head, R: relevance head, MR: "
            "both. Means over all collections; point at a head for its numbers.",
            height=130 + 30 * (1 + heads["layer"].max()),
        )
    shown = [(value, _VALUES[value]) for (value,) in views]
    return "<h3>Heads</h3>" + switched("heads-map", [Control("value", "Shown", shown)], views)


def _map(heads: pl.DataFrame, value: str, words: str) -> go.Figure:
    shape = 1 + heads["layer"].max(), 1 + heads["head"].max()
    values = [[None] * shape[1] for _ in range(shape[0])]
    texts, told = ([[""] * shape[1] for _ in range(shape[0])] for _ in range(2))
    for row in heads.iter_rows(named=True):
        at = row["layer"], row["head"]
        values[at[0]][at[1]] = None if row[value] is None else round(row[value], 4)
        texts[at[0]][at[1]] = _MARKS.get(row["kind"], "")
        told[at[0]][at[1]] = _told(row)
    is_signed = value.endswith("effect")
    most = heads[value].abs().max()
    scale = {"colorscale": DIVERGING, "zmid": 0, "zmin": -most, "zmax": most}
    figure = go.Figure(
        go.Heatmap(
            z=values,
            text=texts,
            texttemplate="%{text}",
            customdata=told,
            hovertemplate="%{customdata}<extra></extra>",
            colorbar={"title": {"text": words, "side": "right"}, "thickness": 12},
            **(scale if is_signed else {"colorscale": SEQUENTIAL}),
        )
    )
    figure.update_xaxes(title="head (from 0)", dtick=1)
    figure.update_yaxes(title="layer (from 0)", dtick=1, autorange="reversed")
    return figure


def _told(row: dict) -> str:
    lines = [f"layer {row['layer']}, head {row['head']}: {_kind_text(row['kind'])}"]
    if row["match_attention"] is not None:
        null = row["null_match_attention"]
        beside = "" if null is None else f" (null {null:.3f})"
        lines.append(f"attention to equal words {row['match_attention']:.3f}{beside}")
    if row["cls_query_share"] is not None:
        lines.append(f"from [CLS] to the query {row['cls_query_share']:.2f} × even")
    if row["path_effect"] is not None:
        interval = ""
        if row["path_ci_low"] is not None:
            interval = f" [{row['path_ci_low']:.3f}, {row['path_ci_high']:.3f}]"
        lines.append(
            f"path's effect {row['path_effect']:.3f}{interval}, {row['n_path_pairs']} pairs"
        )
    if row["output_effect"] is not None:
        lines.append(f"output's effect {row['output_effect']:.3f}")
    return "<br>".join(lines)


def _kind_text(kind: str) -> str:
    words = {"none": "neither", "both": "matching and relevance head"}
    return words.get(kind, f"{kind} head")


def _reasons(heads: pl.DataFrame) -> str:
    """Why heads have a kind, each in the sentence that the study gives."""
    found = heads.filter(pl.col("kind") != "none")
    if found.is_empty():
        return "<p>No head is of either kind by the study's rule.</p>"
    items = [
        f"<li>Layer {row['layer']}, head {row['head']}, {_kind_text(row['kind'])}: "
        f"{escape(row['why'] or '')}</li>"
        for row in found.iter_rows(named=True)
    ]
    return f"<details><summary>Why these heads</summary><ul>{''.join(items)}</ul></details>"


def _found_table(heads: pl.DataFrame) -> str:
    frame = heads.sort(
        pl.col("kind") == "none", pl.col("output_effect").abs(), descending=[False, True]
    ).select(
        "layer",
        "head",
        pl.col("kind").map_elements(_kind_text, return_dtype=pl.String),
        pl.col("match_attention").alias("attention to equal words"),
        pl.col("null_match_attention").alias("null of it"),
        pl.col("cls_query_share").alias("[CLS] to query (× even)"),
        pl.col("path_effect").alias("path's effect"),
        pl.col("path_ci_low").alias("95 % low"),
        pl.col("path_ci_high").alias("95 % high"),
        pl.col("path_p_holm").alias("p (Holm)"),
        pl.col("output_effect").alias("output's effect"),
    )
    formats = dict.fromkeys(frame.columns[3:11], "{:.3f}")
    return table(
        "heads-table",
        frame,
        "All heads, those with a kind first. Layers and heads count from 0; "
        "the interval (bootstrap over pairs) and p are of the path's effect.",
        formats=formats | {"[CLS] to query (× even)": "{:.2f}", "p (Holm)": "{:.2g}"},
    )
