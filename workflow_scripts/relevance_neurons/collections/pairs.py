"""Which judged pairs are attributed: unambiguous ones on which the ranker agrees (METHOD, 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from relevance_neurons.collections.grades import label_of
from relevance_neurons.collections.thresholds import NO_ZERO_POINT, PAPER
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
    label = label_of(relevant, non_relevant)
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
    thresholds: float | pl.DataFrame = PAPER,
    keep: str = "agreeing",
) -> pl.DataFrame:
    """Score the pairs of ``label`` in order until ``max_pairs`` of them are kept.

    ``ordered`` comes from ``order_pairs``; ``score`` takes some of its rows and returns
    p(relevant) in [0, 1] and the number of tokens, each of shape (n_rows,); it is given ``chunk``
    rows at a time. The ranker agrees where p is above the threshold for relevant pairs and below it
    for non-relevant ones; ``thresholds`` is one for all, or one for each query (query_id,
    threshold). Kept are those where it agrees, or with ``keep="all"`` all.

    Returns query_id, doc_id, grade, label, p_relevant, kept, n_tokens, threshold, agrees of the
    pairs tried, up to the one that completes ``max_pairs``: the same for every ``chunk``. Raises
    ``UserError``, naming ``collection`` and ``label``, where no pair is kept.
    """
    pairs = _with_threshold(ordered.filter(pl.col("label") == label), thresholds)
    scored, n_kept = [], 0
    with Progress(max_pairs, f"{label} pairs of {collection}", "pairs kept") as progress:
        for rows in pairs.iter_slices(chunk):
            rows = _score(rows, score, label, keep)
            scored.append(rows.filter(_kept_before() < max_pairs - n_kept))
            n_new = scored[-1]["kept"].sum()
            n_kept += n_new
            progress.update(n_new)
            if n_kept == max_pairs:
                break
    if not n_kept:
        raise _none_left(collection, label, len(pairs), scored)
    return pl.concat(scored)


def first_scores(ordered: pl.DataFrame, score: Score, n: int, chunk: int) -> pl.DataFrame:
    """query_id, label, p_relevant of the first ``n`` pairs of each label, for a threshold."""
    first = ordered.group_by("label", maintain_order=True).head(n)
    parts = [
        rows.select("query_id", "label", p_relevant=pl.Series(score(rows)[0], dtype=pl.Float64))
        for rows in first.iter_slices(chunk)
    ]
    return pl.concat([first.select("query_id", "label", p_relevant=pl.lit(0.0)).clear(), *parts])


def remembering(score: Score) -> Score:
    """``score`` that scores no pair twice."""
    known: dict[tuple[str, str], tuple[float, int]] = {}

    def look_up(pairs: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        keys = list(pairs.select("query_id", "doc_id").iter_rows())
        new = pairs.filter(pl.Series([key not in known for key in keys], dtype=pl.Boolean))
        if len(new):
            found = zip(*score(new), strict=True)
            known.update(zip(new.select("query_id", "doc_id").iter_rows(), found, strict=True))
        p_relevant, n_tokens = zip(*[known[key] for key in keys], strict=True)
        return np.array(p_relevant), np.array(n_tokens)

    return look_up


def _with_threshold(pairs: pl.DataFrame, thresholds: float | pl.DataFrame) -> pl.DataFrame:
    if isinstance(thresholds, pl.DataFrame):
        return pairs.join(thresholds, on="query_id", how="left", maintain_order="left")
    return pairs.with_columns(threshold=pl.lit(thresholds, pl.Float64))


def _score(rows: pl.DataFrame, score: Score, label: str, keep: str) -> pl.DataFrame:
    p_relevant, n_tokens = score(rows)
    p, threshold = pl.col("p_relevant"), pl.col("threshold")
    # Polars holds NaN for larger than any number; it agrees with nothing.
    agrees = (p > threshold) & p.is_not_nan() if label == "relevant" else p < threshold
    return rows.with_columns(
        p_relevant=pl.Series(p_relevant, dtype=pl.Float64),
        n_tokens=pl.Series(n_tokens, dtype=pl.Int64),
    ).select(
        "query_id",
        "doc_id",
        "grade",
        "label",
        "p_relevant",
        (agrees if keep == "agreeing" else p.is_not_nan()).alias("kept"),
        "n_tokens",
        "threshold",
        agrees.alias("agrees"),
    )


def _kept_before() -> pl.Expr:
    return pl.col("kept").cast(pl.Int64).cum_sum() - pl.col("kept").cast(pl.Int64)


def _none_left(
    collection: str, label: str, n_judged: int, scored: Sequence[pl.DataFrame]
) -> UserError:
    n_scored = sum(map(len, scored))
    found = f"collection {collection}, label {label}: {n_judged} judged, {n_scored} scored, 0 agree"
    if not n_judged:
        return UserError(
            f"{found}; no judgment has a grade in `{label}`: correct it, or leave this label out"
        )
    p = pl.concat(scored)["p_relevant"]
    if p.is_nan().all():
        return UserError(
            f"{found}: the ranker puts out no numbers (nan); check its weights, and its dtype"
        )
    return UserError(
        f"{found}: their p(relevant) goes from {p.min():.4g} to {p.max():.4g}; {NO_ZERO_POINT}; if "
        "the model is no ranker for such texts, leave the collection out"
    )
