"""The first stage's passages in the ranker's order, and how good an order is."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.collections.grades import with_labels
from relevance_neurons.rankers.reranker import Reranker


def rank_passages(
    reranker: Reranker,
    run: pl.DataFrame,
    texts: Sequence[tuple[str, str]],
    qrels: pl.DataFrame,
    n_scored: int = 50,
) -> pl.DataFrame:
    """Every passage of ``run`` as the ranker ranks it (Jiang et al. 2021, section 3.2).

    ``run``: query_id, doc_id, and bm25_rank, bm25_score, or run_rank, run_score of a run of the
    user's own, which are called bm25_rank and bm25_score here too: the first stage's place, whoever
    made it. ``texts``: (query, passage) of each of its rows. ``qrels``: query_id, doc_id, grade,
    and label and gain as of ``label_grades``.

    Returns query_id, doc_id, bm25_rank, bm25_score, score (log p of relevant), rank (1 is the
    best; equal scores by bm25_rank), grade (null: not judged), is_relevant, gain (0 where not
    judged), label (relevant where is_relevant), is_scored (one of the ``n_scored`` best, whose
    tokens are scored), sorted by query_id and rank. is_relevant is false for what is not judged,
    as in trec_eval, and null for a grade that is neither relevant nor non-relevant. A query none
    of whose relevant passages is found stays. Raises ``ValueError`` for a score that is no number.
    """
    judged = with_labels(qrels).select("query_id", "doc_id", "grade", "label", "gain")
    scores = rerank_under_ablations(reranker, texts, [None])[0]
    scored = _named_bm25(run).with_columns(pl.Series("score", scores, dtype=pl.Float64))
    is_relevant = (
        pl.when(pl.col("grade").is_null()).then(False).otherwise(pl.col("label") == "relevant")
    )
    return (
        with_ranks(scored)
        .join(judged, on=["query_id", "doc_id"], how="left", maintain_order="left")
        .with_columns(is_relevant=is_relevant, gain=pl.col("gain").fill_null(0))
        .with_columns(
            label=pl.when("is_relevant").then(pl.lit("relevant")).otherwise(pl.lit("non_relevant")),
            is_scored=pl.col("rank") <= n_scored,
        )
        .select(
            *("query_id", "doc_id", "bm25_rank", "bm25_score", "score", "rank"),
            *("grade", "is_relevant", "gain", "label", "is_scored"),
        )
    )


def with_ranks(scored: pl.DataFrame) -> pl.DataFrame:
    """``scored`` (query_id, bm25_rank, score, …) with each passage's rank, sorted by it.

    Higher scores come first, and of equal ones what the first stage put first. A column rank that
    is there already gives way. Raises ``ValueError`` for a score that is no number.
    """
    if not scored["score"].is_finite().all():
        raise ValueError("a score is NaN, infinite or missing: it has no place in a ranking")
    return scored.sort(
        "query_id", "score", "bm25_rank", descending=[False, True, False]
    ).with_columns(rank=pl.int_range(1, pl.len() + 1).over("query_id"))


def measure_ranks(
    ranked: pl.DataFrame, qrels: pl.DataFrame, measures: Sequence[str]
) -> pl.DataFrame:
    """Each of ``measures`` (names of ir_measures) of every query of ``ranked``.

    ``ranked``: query_id, doc_id, rank. All relevant passages of ``qrels`` count (label "relevant"),
    those that no first stage found too: a query without any that is found has 0. Returns query_id,
    measure, value.
    """
    from relevance_neurons.ablation.measures import measure_rankings  # ir_measures takes a second

    # Places from the end, so that nothing ties: a measure would break ties in its own way.
    scores = ranked.select(
        pl.lit("").alias("scheme"),
        pl.lit(0.0).alias("top_percent"),
        pl.lit(0).alias("draw"),
        "query_id",
        "doc_id",
        (-pl.col("rank").cast(pl.Float64)).alias("score"),
    )
    values = [measure_rankings(scores, qrels, measure) for measure in measures]
    return pl.concat(values).select("query_id", "measure", "value")


def _named_bm25(run: pl.DataFrame) -> pl.DataFrame:
    names = {"run_rank": "bm25_rank", "run_score": "bm25_score"}
    return run.rename({old: new for old, new in names.items() if old in run.columns})
