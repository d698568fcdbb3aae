"""Which judged pairs are attributed: unambiguous ones on which the ranker agrees (METHOD, 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.running.progress import Progress

Score = Callable[[pl.DataFrame], tuple[np.ndarray, np.ndarray]]


def order_pairs(
    qrels: pl.DataFrame, relevant: Sequence[int], non_relevant: Sequence[int], seed: int
) -> pl.DataFrame:
    """The unambiguous judgments, in the order in which they are to be tried.

    ``qrels`` (query_id, doc_id, grade); a grade in neither list is ambiguous and dropped. Returns
    query_id, doc_id, grade, label ("relevant", "non_relevant"), label by label: first one random
    pair of every query, then a second one of every query that has two, and so on, the queries in
    random order each time, so that no query dominates a prefix. The same ``seed`` gives the same
    order whatever the order of ``qrels``. Raises ``UserError`` for a grade in both lists.
    """
    both = sorted(set(relevant) & set(non_relevant))
    if both:
        raise UserError(
            f"grade {both[0]} is both in relevant: {list(relevant)} and in non_relevant: "
            f"{list(non_relevant)}; a grade means one of them, or neither where it is ambiguous"
        )
    label = (
        pl.when(pl.col("grade").is_in(list(relevant)))
        .then(pl.lit("relevant"))
        .when(pl.col("grade").is_in(list(non_relevant)))
        .then(pl.lit("non_relevant"))
    )
    pairs = (
        qrels.select("query_id", "doc_id", "grade", label=label)
        .drop_nulls("label")
        .sort("query_id", "doc_id")
    )
    # Permutations, not random numbers: no two pairs tie.
    rng = np.random.default_rng(seed)
    return (
        pairs.with_columns(
            within=pl.Series(rng.permutation(len(pairs))),
            across=pl.Series(rng.permutation(len(pairs))),
        )
        .with_columns(turn=pl.col("within").rank("ordinal").over("label", "query_id"))
        .sort("label", "turn", "across")
        .select("query_id", "doc_id", "grade", "label")
    )


def keep_pairs(
    ordered: pl.DataFrame,
    score: Score,
    max_pairs: int,
    chunk: int,
    *,
    collection: str,
    label: str,
) -> pl.DataFrame:
    """Score the pairs of ``label`` in order until the ranker agrees with ``max_pairs`` of them.

    ``ordered`` comes from ``order_pairs``; ``score`` takes some of its rows and returns
    p(relevant) in [0, 1] and the number of tokens, each of shape (n_rows,); it is given ``chunk``
    rows at a time. Agreement is p > 0.5 for relevant pairs and p < 0.5 for non-relevant ones.
    Returns query_id, doc_id, grade, label, p_relevant, kept, n_tokens of the pairs tried, up to
    the one that completes ``max_pairs``: the same for every ``chunk``. Raises ``UserError``,
    naming ``collection`` and ``label``, where no pair is kept.
    """
    pairs = ordered.filter(pl.col("label") == label)
    scored, n_kept = [], 0
    with Progress(max_pairs, f"{label} pairs of {collection}", "pairs kept") as progress:
        for rows in pairs.iter_slices(chunk):
            rows = _score(rows, score, label)
            scored.append(rows.filter(_kept_before() < max_pairs - n_kept))
            n_new = scored[-1]["kept"].sum()
            n_kept += n_new
            progress.update(n_new)
            if n_kept == max_pairs:
                break
    if not n_kept:
        raise _none_left(collection, label, len(pairs), sum(map(len, scored)))
    return pl.concat(scored)


def _score(rows: pl.DataFrame, score: Score, label: str) -> pl.DataFrame:
    p_relevant, n_tokens = score(rows)
    p = pl.col("p_relevant")
    return rows.with_columns(
        p_relevant=pl.Series(p_relevant, dtype=pl.Float64),
        n_tokens=pl.Series(n_tokens, dtype=pl.Int64),
    ).select(
        "query_id",
        "doc_id",
        "grade",
        "label",
        "p_relevant",
        # Polars holds NaN for larger than any number; it agrees with nothing.
        ((p > 0.5) & p.is_not_nan() if label == "relevant" else p < 0.5).alias("kept"),
        "n_tokens",
    )


def _kept_before() -> pl.Expr:
    return pl.col("kept").cast(pl.Int64).cum_sum() - pl.col("kept").cast(pl.Int64)


def _none_left(collection: str, label: str, n_judged: int, n_scored: int) -> UserError:
    found = f"collection {collection}, label {label}: {n_judged} judged, {n_scored} scored, 0 agree"
    if not n_judged:
        todo = f"no judgment has a grade in `{label}`: correct it, or leave this label out"
    else:
        todo = (
            "the ranker never predicts this label here: leave the collection out, or check that "
            "the model is a ranker trained for such texts"
        )
    return UserError(f"{found}; {todo}")
