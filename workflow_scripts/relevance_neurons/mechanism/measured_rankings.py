"""All rankers over a collection's ranked passages: what is measured, and the study's own order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from relevance_neurons.collections.grades import with_labels
from relevance_neurons.mechanism.measure_heads import (
    Measured,
    Study,
    measure_heads,
    read_pairs,
)
from relevance_neurons.mechanism.random_rankers import STUDY, random_rankers
from relevance_neurons.mechanism.soft_matches import Vectors, soft_matches
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.reranker import Reranker


def measure_rankers(reranker: Reranker, study: Study, n_random: int) -> Measured:
    """Of ``reranker`` and of ``n_random`` rankers that learnt nothing, one table each of all.

    The logits are ``reranker``'s. Raises ``UserError`` where its heads cannot be told apart.
    """
    own = measure_heads(reranker, study, STUDY)
    others = [
        measure_heads(random, study, name, with_shuffles=False)
        for name, random in random_rankers(reranker, n_random, study.seed)
    ]
    rows, heads = (
        pl.concat([getattr(one, table) for one in (own, *others)])
        for table in ("query_attention", "head_attention")
    )
    return Measured(rows, heads, own.logits)


def soft_matches_of(
    reranker: Reranker,
    encoded: Sequence[EncodedPair],
    collection_words: pl.Series,
    vectors: Vectors,
    language: str,
) -> dict[str, frozenset[str]]:
    """``soft_matches`` between the queries and the passages of ``encoded``.

    Those of the study's ranker, whose random likes are looked at with the same.
    """
    pairs = read_pairs(reranker, encoded)
    asked, read = (
        {pair.words[place] for pair in pairs for place in getattr(pair, part)}
        for part in ("query", "passage")
    )
    return soft_matches(asked, read, collection_words.to_list(), vectors, language)


def mechanism_rankings(run: pl.DataFrame, logits: np.ndarray, qrels: pl.DataFrame) -> pl.DataFrame:
    """The passages of ``run`` with the ranker's ``logits``, in the order of ``run``.

    ``run``: query_id, doc_id, and bm25_rank, bm25_score, or run_rank, run_score, which are called
    run_rank and run_score here. Returns these, gain (0 where not judged), is_relevant (false where
    not judged, null for a grade that is neither), logit, ranker_rank (1 has the largest logit;
    equal ones by run_rank). Raises ``ValueError`` for a logit that is no number.
    """
    if not np.isfinite(logits).all():
        raise ValueError("a logit is NaN or infinite: it has no place in a ranking")
    names = {"bm25_rank": "run_rank", "bm25_score": "run_score"}
    run = run.rename({old: new for old, new in names.items() if old in run.columns})
    judged = with_labels(qrels).select("query_id", "doc_id", "grade", "label", "gain")
    is_relevant = (
        pl.when(pl.col("grade").is_null()).then(False).otherwise(pl.col("label") == "relevant")
    )
    places = pl.struct(-pl.col("logit"), "run_rank").rank("ordinal").over("query_id")
    return (
        run.with_columns(pl.Series("logit", logits, dtype=pl.Float64))
        .join(judged, on=["query_id", "doc_id"], how="left", maintain_order="left")
        .select(
            *("query_id", "doc_id", "run_rank", "run_score"),
            pl.col("gain").fill_null(0).cast(pl.Int64),
            is_relevant.alias("is_relevant"),
            "logit",
            places.cast(pl.Int32).alias("ranker_rank"),
        )
    )
