"""Tables of the mechanism: the heads that were found, why, and what of the score they carry."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from relevance_neurons.report.tables.formats import Cell, Table, count, number
from relevance_neurons.report.tables.methods import p_text
from relevance_neurons.report.tables.tokens import with_interval

_ENDS = {"path_effect_low": "path_ci_low", "path_effect_high": "path_ci_high"}
_EFFECT = "the share of the logit's change that a patch brings, mean over pairs"
_KEPT = {"all": "all heads", "found": "found heads", "matching": "matching heads"}
_KEPT |= {"relevance": "relevance heads", "random": "random heads", "none": "no head"}
GRIDS = {"block": "block × class", "head": "head", "head_class": "head × class"}
SITES = {"residual": "residual", "attention_output": "attention", "ff_output": "feed-forward"}
SITES |= {"output": "output", "pattern": "pattern"}


def heads_table(heads: pl.DataFrame) -> Table:
    """The found heads with what makes them such, of the table ``heads``; the CSV has every head."""
    found = heads.filter(pl.col("is_matching") | pl.col("is_relevance")).sort("layer", "head")
    rows = [_head(row) for row in found.iter_rows(named=True)]
    return Table(
        name="heads",
        title=f"Heads that match words or carry them into [CLS]: {len(rows)} of {heads.height}",
        columns=[
            *("head", "kind", "here", "shuffled", "random rankers", "p"),
            *("here", "random rankers", "effect", "p (Holm)", "effect"),
        ],
        rows=rows,
        data=heads,
        notes=[
            "Heads are written layer.head, from 0. Attention to matches: how much more a query "
            "word attends to its equals in the passage than the query's other words do, mean over "
            "words; beside the largest of all heads with the passages' words shuffled (its "
            "quantile at the study's level) and the largest of any head of random "
            "(re-initialised) rankers; p: of the shuffles, against the largest of all heads, the "
            "largest of any collection. [CLS] to query: attention from [CLS] to the query's "
            "tokens, times what uniform attention would give, beside the largest of random "
            "rankers. Path: from the head straight to the last residual stream. Effect: "
            f"{_EFFECT}, in brackets its 95 % interval; output: of a patch of the head's whole "
            "output. A matching head is above both nulls (the shuffled ones of each collection; "
            "here is the largest) in a layer where what is added to query words is read; a "
            "relevance head has a path that moves the score as the perturbation does, and is above "
            "its null; the strongest of each (matching: mechanism.max_heads, relevance: 3); heads "
            "that the study names are taken as they are. The column why of the CSV says it in "
            "words.",
        ],
        groups=[
            *(("", 2), ("attention to matches", 4), ("[CLS] to query", 2)),
            *(("path", 2), ("output", 1)),
        ],
        alignment=["l", "l", *"r" * 9],
    )


def _head(row: Mapping) -> list[Cell]:
    ends = {name: row[of] for name, of in _ENDS.items()}
    texts = [f"{row['layer']}.{row['head']}", row["kind"]]
    texts += [number(row[one], 3) for one in ("match_attention", "null_shuffles", "null_rankers")]
    texts += [p_text(row["p_shuffles"])]
    texts += [number(row[one], 2) for one in ("cls_query_share", "null_cls_query_share")]
    texts += [with_interval(row | ends, "path_effect", 3), p_text(row["path_p_holm"])]
    return [Cell(text) for text in (*texts, number(row["output_effect"], 3))]


def faithfulness_table(faithfulness: pl.DataFrame) -> Table:
    """What the score and the ranking keep with some heads alone; the table faithfulness.

    Of random heads the mean over draws and, in place of an interval, what 95 % of them are
    between; the CSV has each draw.
    """
    rows = []
    for (collection,), own in faithfulness.group_by("collection", maintain_order=True):
        for kept, words in _KEPT.items():
            of_kept = own.filter(kept=kept)
            if not of_kept.is_empty():
                rows.append([Cell(collection), Cell(words), *_kept(of_kept)])
    measures = ", ".join(faithfulness["measure"].drop_nulls().unique().sort()) or "measure"
    return Table(
        name="faithfulness",
        title="What is kept of score and ranking where only some heads work",
        columns=[
            *("collection", "kept", "heads", "draws", "%", "p", "pairs"),
            *(measures, "% of all", "p", "queries"),
        ],
        rows=rows,
        data=faithfulness,
        notes=[
            "All other heads give their mean. Score: what is left of the logit's change by a "
            "perturbation, over the pairs, in brackets its 95 % interval over queries; "
            "ranking: by these heads alone, its interval over queries, and as a share of that of "
            "all heads; without heads all passages tie (mean over random orders). Random heads: as "
            "many of each layer as were found; the mean over draws and the range of 95 % of them. "
            "p: the share of the draws, and the found heads themselves, that keep as much as "
            "these.",
        ],
        groups=[("", 4), ("score", 3), ("ranking", 4)],
        alignment=["l", "l", *"r" * 9],
    )


def _kept(rows: pl.DataFrame) -> list[Cell]:
    """The cells of one kind of heads; random ones have a row a draw."""
    shown = rows.row(0, named=True)
    draws = rows.drop_nulls("draw") if shown["kept"] == "random" else rows.clear()
    for name in ("score_share", "value", "value_share") if len(draws) else ():
        of = draws[name]
        low, high = (of.quantile(q, "linear") for q in (0.025, 0.975))
        shown |= {name: of.mean(), f"{name}_low": low, f"{name}_high": high}
    share = number(None if shown["value_share"] is None else 100 * shown["value_share"], 1)
    texts = [count(shown["n_heads"]), count(len(draws) or None)]
    texts += [with_interval(shown, "score_share", 1, 100), p_text(shown.get("score_p_random"))]
    texts += [count(shown["n_pairs"]), with_interval(shown, "value", 3), share]
    texts += [p_text(shown.get("value_p_random")), count(shown["n_queries"])]
    return [Cell(text) for text in texts]


def patch_screen_table(screen: pl.DataFrame) -> Table:
    """How near linear attribution patching comes to exact patches; the table patch_screen."""
    rows = []
    for row in screen.iter_rows(named=True):
        texts = [row["collection"], row["perturbation"], GRIDS.get(row["grid"], row["grid"])]
        texts += [SITES.get(row["site"], row["site"]), count(row["n_patches"])]
        texts += [number(row[one], 2) for one in ("pearson", "spearman")]
        texts += [number(row["mean_absolute_error"], 4), number(row["top_shared_percent"], 0)]
        rows.append([Cell(text) for text in texts])
    return Table(
        name="patch_screen",
        title="Linear attribution patching as a screen: its estimates against exact patches",
        columns=[
            *("collection", "perturbation", "grid", "site", "patches", "Pearson", "Spearman"),
            *("mean |error|", "top shared (%)"),
        ],
        rows=rows,
        data=screen,
        notes=[
            "One backward pass estimates every patch of a pair. Each patch counts with its mean "
            f"over pairs; effect: {_EFFECT}. Top shared: of the tenth of the patches with the "
            "largest exact |effect|, how many are in the estimates' tenth.",
        ],
        alignment=["l", "l", "l", "l", *"rrrrr"],
    )
