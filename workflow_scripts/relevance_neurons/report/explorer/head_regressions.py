"""How far a BM25 over the found heads explains the ranker: regressions beside BM25 itself."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from relevance_neurons.report.explorer.choices import options
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.dots import add_dots
from relevance_neurons.report.explorer.plots import PALETTE, plot
from relevance_neurons.report.explorer.tables import table
from relevance_neurons.report.names import FORMS, VARIANTS

_SCORES = {"pearson": "Pearson", "spearman": "Spearman"}
_SPLITS = {"queries": "unseen queries", "pairs": "pairs of seen queries", None: "the ranker itself"}
_SHAPES = {"queries": "circle", "pairs": "square-open", None: "diamond"}


def semantic_bm25(rows: pl.DataFrame) -> str:
    """Figures by collection and form, and a table of all regressions."""
    measure = rows["measure"].drop_nulls().first() or "measure"
    columns = _SCORES | {"value": measure}
    views = {}
    for (collection, form), own in rows.group_by("collection", "form", maintain_order=True):
        for column, words in columns.items():
            known = own.drop_nulls(column)
            if known.is_empty():
                continue
            views[collection, form, column] = plot(
                f"heads-bm25-{len(views)}",
                _dots(known, column, words),
                f"Regressions on the heads' soft term frequency, {FORMS.get(form, form)}: "
                + _asked(column, words)
                + f" on {collection}, {known['n_queries'].max()} queries, with 95 % intervals over "
                "queries. legacy is judged on pairs of queries that it has seen, as the paper's "
                "code does it: do not compare it with the others.",
                height=130 + 34 * known["variant"].n_unique(),
            )
    forms = [(one, FORMS.get(one, one)) for one in rows["form"].unique().sort()]
    controls = [
        Control("collection", "Collection", options(rows["collection"].unique().sort())),
        Control("form", "Form", forms),
        Control("score", "Shown", list(columns.items())),
    ]
    title = "<h3>The ranker as a semantic BM25</h3>"
    return title + switched("heads-bm25", controls, views) + _bm25_table(rows, measure)


def _asked(column: str, words: str) -> str:
    if column == "value":
        return f"{words} of each one's own ranking"
    return f"{words}'s correlation with the ranker's logit, held out"


def _dots(rows: pl.DataFrame, column: str, words: str) -> go.Figure:
    order = [one for one in VARIANTS if one in set(rows["variant"])]
    order += [one for one in rows["variant"] if one not in order]
    figure = go.Figure()
    for split, name in _SPLITS.items():
        condition = pl.col("split").is_null() if split is None else pl.col("split") == split
        own = rows.filter(condition)
        if own.is_empty():
            continue
        texts = [VARIANTS.get(one, one) for one in own["variant"]]
        columns = (column, f"{column}_low", f"{column}_high")
        trace = add_dots(figure, own, columns, texts, name, PALETTE[0], _SHAPES[split])
        trace.hovertemplate = "%{y}: %{x:.3f}<extra></extra>"
    names = [VARIANTS.get(one, one) for one in order]
    figure.update_yaxes(categoryorder="array", categoryarray=names, autorange="reversed")
    figure.update_xaxes(title=words)
    return figure


def _bm25_table(rows: pl.DataFrame, measure: str) -> str:
    triples = {"pearson": "Pearson", "spearman": "Spearman", "value": measure}
    numbers = [
        pl.col(f"{column}{end}").alias(f"{words}{text}")
        for column, words in triples.items()
        for end, text in (("", ""), ("_low", ", low"), ("_high", ", high"))
    ]
    frame = rows.select(
        "collection",
        pl.col("variant").replace(VARIANTS).alias("regression"),
        pl.col("form").replace(FORMS),
        pl.col("split").fill_null("").alias("unseen"),
        *numbers,
        pl.col("n_heads").alias("heads"),
        pl.col("n_features").alias("features"),
        pl.col("n_pairs").alias("pairs"),
        pl.col("n_queries").alias("queries"),
    )
    return table(
        "heads-bm25-table",
        frame,
        "Every regression on what it has not seen (queries; legacy: pairs of queries seen), with "
        f"95 % intervals over queries; {measure} is of its own ranking. Between BM25 and the "
        "ranker lies what the heads explain.",
        formats=dict.fromkeys(frame.columns[4:13], "{:.3f}"),
    )
