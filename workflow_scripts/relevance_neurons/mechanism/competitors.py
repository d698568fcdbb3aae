"""The scores of diagnostic pairs, and of the passages that their passage competes with."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.mechanism.logits import pair_logits
from relevance_neurons.rankers.reranker import Reranker

MOST_COMPETITORS = 20
"""Other judged passages of a query that a perturbed one is ranked among."""


def score_diagnostic_pairs(
    reranker: Reranker,
    pairs: pl.DataFrame,
    queries: str | Path,
    documents: str | Path,
    qrels: str | Path,
    seed: int,
) -> pl.DataFrame:
    """Scores (see ``runs.read_scores``) before and after each perturbation, a row a level.

    ``pairs``: rows of diagnostic_pairs; the others are files of a collection. Returns collection,
    pair, perturbation, level, query_id, doc_id, logit_before, logit_after, competitor_logits: those
    of at most ``MOST_COMPETITORS`` other judged passages of the query, drawn by ``seed`` and query,
    none for pairs of the user's own.
    """
    logits = {}
    for when in ("before", "after"):
        texts = list(zip(pairs["query"], pairs[f"passage_{when}"], strict=True))
        logits[f"logit_{when}"] = pair_logits(reranker, reranker.encode(texts))
    asked = pairs.select("query_id", "doc_id").unique(maintain_order=True).drop_nulls()
    chosen = _competitors(asked, pl.read_parquet(qrels), seed)
    distinct = chosen.select("query_id", doc_id="competitor").unique(maintain_order=True)
    found = pair_logits(reranker, reranker.encode(pair_texts(distinct, queries, documents)))
    scored = distinct.with_columns(competitor_logits=found).rename({"doc_id": "competitor"})
    lists = (
        chosen.join(scored, on=["query_id", "competitor"], how="left", maintain_order="left")
        .group_by("query_id", "doc_id", maintain_order=True)
        .agg("competitor_logits")
    )
    ids = ("collection", "pair", "perturbation", "level", "query_id", "doc_id")
    return (
        pairs.select(ids)
        .with_columns(**logits)
        .join(lists, on=["query_id", "doc_id"], how="left", maintain_order="left")
        .with_columns(pl.col("competitor_logits").fill_null([]))
    )


def _competitors(asked: pl.DataFrame, qrels: pl.DataFrame, seed: int) -> pl.DataFrame:
    """query_id, doc_id and a competitor of it, a row each."""
    judged = dict(qrels.group_by("query_id").agg(pl.col("doc_id").sort()).iter_rows())
    rows = []
    for query_id, doc_id in asked.iter_rows():
        others = [one for one in judged.get(query_id, ()) if one != doc_id]
        rng = np.random.default_rng([seed, zlib.crc32(query_id.encode())])
        drawn = rng.permutation(len(others))[:MOST_COMPETITORS]
        rows += [(query_id, doc_id, others[place]) for place in sorted(drawn)]
    return pl.DataFrame(
        rows, dict.fromkeys(("query_id", "doc_id", "competitor"), pl.String), orient="row"
    )
