"""The paper's tables 1 and 2 and the table of ranking quality, made from the study's results."""

from __future__ import annotations

import polars as pl

from relevance_neurons.ablation.ranking_quality import RANKINGS
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, number

_INPUTS = {
    "original": "the pair itself",
    "pad_all": "every token [PAD]",
    "pad_keep_special": "query and passage [PAD], [CLS] and [SEP] kept",
    "pad_passage": "passage [PAD], [CLS] and [SEP] kept",
    "pad_passage_and_special": "passage, [CLS] and [SEP] [PAD]",
    "pad_query": "query [PAD], [CLS] and [SEP] kept",
    "pad_query_and_special": "query, [CLS] and [SEP] [PAD]",
    "unk_all": "every token [UNK]",
    "unk_keep_special": "query and passage [UNK], [CLS] and [SEP] kept",
    "zero": "every word embedding 0",
    "zero_passage": "word embeddings of the passage 0",
}
_KEPT = {
    False: "those where the ranker's prediction agrees with the label",
    True: "all, whatever the ranker predicts (keep: all; in brackets, on how many of them its "
    "prediction agrees with the label)",
}


def table1(baselines: pl.DataFrame) -> Table:
    """How neutral each baseline is (Vast et al., table 1).

    ``baselines``: baseline, mean_difference, ci_low, ci_high, n_pairs, chosen.
    """
    candidates = baselines.filter(pl.col("baseline") != "original")
    smallest = candidates["mean_difference"].abs().min()
    baselines = baselines.with_columns(
        closest=(pl.col("baseline") != "original") & (pl.col("mean_difference").abs() == smallest)
    )
    rows = [
        [
            Cell(row["baseline"]),
            Cell(_INPUTS.get(row["baseline"], NOTHING)),
            Cell(number(row["mean_difference"], 3), bold=row["closest"]),
            Cell(_interval(row)),
            Cell(_count(row["n_pairs"])),
            Cell("used in this study" if row["chosen"] else ""),
        ]
        for row in baselines.iter_rows(named=True)
    ]
    return Table(
        name="table1",
        title="Baselines: what is left of the relevance signal",
        columns=["baseline", "input", "mean difference", "95 % interval", "pairs", "remark"],
        rows=rows,
        data=baselines,
        notes=[
            "Mean difference: p(relevant) − p(non-relevant), averaged over the pairs; 0 is neutral."
            " Bold: the baseline closest to 0. Intervals: bootstrap over pairs."
        ],
        alignment=["l", "l", "r", "r", "r", "l"],
    )


def table2(collections: pl.DataFrame) -> Table:
    """The collections and their pairs (Vast et al., table 2).

    ``collections``: collection, source, domain, n_documents, n_queries, n_relevant,
    n_non_relevant, kept_relevant, kept_non_relevant (null: not used for attribution) and of the
    kept pairs those where the prediction agrees, agreeing_relevant, agreeing_non_relevant.
    """
    words = ["collection", "source", "domain"]
    rows = [
        [Cell(row[name]) for name in words]
        + [Cell(_count(row[name])) for name in ("n_documents", "n_queries")]
        + [
            Cell(text)
            for label in ("relevant", "non_relevant")
            for text in (_count(row[f"n_{label}"]), _kept(row, label))
        ]
        for row in collections.iter_rows(named=True)
    ]
    disagreeing = any(
        (collections[f"kept_{label}"] > collections[f"agreeing_{label}"]).any()
        for label in ("relevant", "non_relevant")
    )
    return Table(
        name="table2",
        title="Collections",
        columns=[*words, "documents", "queries", "judged", "kept", "judged", "kept"],
        rows=rows,
        data=collections,
        notes=[
            "Judged: pairs with a grade of the label. Kept: of the pairs that were scored, "
            f"{_KEPT[disagreeing]}; they are attributed. "
            f"{NOTHING}: label not attributed on this collection."
        ],
        groups=[("", 5), ("relevant", 2), ("non-relevant", 2)],
        alignment=["l"] * 3 + ["r"] * 6,
    )


def ranking_quality_table(quality: pl.DataFrame) -> Table:
    """How well the first stage and the unpruned ranker rank each collection.

    ``quality``: as ``summarise_rankings`` returns it; ranking is bm25, run or reranker.
    """
    there = set(quality["ranking"])
    rankings = {ranking: name for ranking, name in RANKINGS.items() if ranking in there}
    found = {(row["collection"], row["measure"], row["ranking"]): row for row in quality.to_dicts()}
    keys = quality.select("collection", "measure").unique().sort("collection", "measure")
    rows = []
    for key in keys.iter_rows():
        values = [found.get((*key, ranking)) for ranking in rankings]
        queries = max(row["n_queries"] for row in values if row)
        texts = [
            f"{number(row['value'], 3)} {_interval(row)}" if row else NOTHING for row in values
        ]
        rows.append([*map(Cell, key), Cell(_count(queries)), *map(Cell, texts)])
    return Table(
        name="ranking_quality",
        title="Quality of the rankings before any ablation",
        columns=["collection", "measure", "queries", *rankings.values()],
        rows=rows,
        data=quality.sort("collection", "measure", "ranking"),
        notes=[
            "Mean over queries, in brackets its 95 % bootstrap interval over queries.",
            *_not_found(quality),
        ],
        alignment=["l", "l", "r", *("r" for _ in rankings)],
    )


def _not_found(quality: pl.DataFrame) -> list[str]:
    """A note on the queries that are in no mean."""
    most = quality.group_by("collection").agg(pl.col("n_not_found").max()).sort("collection")
    counts = [f"{n:,} of {name}" for name, n in most.filter(pl.col("n_not_found") > 0).iter_rows()]
    if not counts:
        return []
    return [f"Queries for which the first stage finds nothing are left out: {', '.join(counts)}."]


def _kept(row: dict, label: str) -> str:
    kept, agreeing = row[f"kept_{label}"], row[f"agreeing_{label}"]
    return _count(kept) if kept == agreeing else f"{_count(kept)} ({_count(agreeing)})"


def _count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def _interval(row: dict) -> str:
    if row["ci_low"] is None:
        return NOTHING
    return f"[{number(row['ci_low'], 3)}, {number(row['ci_high'], 3)}]"
