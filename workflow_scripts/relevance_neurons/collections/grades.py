"""What a grade means: its label, and what a passage of it gains in a measure."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import polars as pl

from relevance_neurons.errors import UserError

logger = logging.getLogger(__name__)


def label_of(relevant: Sequence[int], non_relevant: Sequence[int]) -> pl.Expr:
    """The label of the column grade: "relevant", "non_relevant", or null if it is in neither."""
    return (
        pl.when(pl.col("grade").is_in(list(relevant)))
        .then(pl.lit("relevant"))
        .when(pl.col("grade").is_in(list(non_relevant)))
        .then(pl.lit("non_relevant"))
    )


def label_grades(
    qrels: pl.DataFrame,
    relevant: Sequence[int],
    non_relevant: Sequence[int],
    scale: str = "rising",
) -> pl.DataFrame:
    """``qrels`` (query_id, doc_id, grade) with the columns label and gain.

    label is that of ``label_of``; a null is ambiguous. gain is the grade, of non-relevant passages
    0, and never below 0. On a ``scale`` that is "falling" the best passages have the lowest grade,
    1, as in Cranfield's own files: grades are mirrored, so that the lowest of ``relevant`` gains
    what the highest is, and so on.

    Raises ``UserError`` for lists that do not fit the scale (``misfit``).
    """
    if problem := misfit(relevant, non_relevant, scale):
        raise UserError(problem)
    grade = pl.col("grade")
    gain = grade
    if scale == "falling":
        gain = pl.when(grade < 1).then(0).otherwise(min(relevant) + max(relevant) - grade)
    is_not = grade.is_in(list(non_relevant))
    return qrels.with_columns(
        label=label_of(relevant, non_relevant),
        gain=pl.when(is_not).then(0).otherwise(gain.clip(lower_bound=0)).cast(pl.Int64),
    )


def with_labels(qrels: pl.DataFrame) -> pl.DataFrame:
    """``qrels`` with label and gain: as it has them, or else as trec_eval reads grades.

    There, grades above 0 are relevant and gain what they are.
    """
    if "label" in qrels.columns:
        return qrels
    is_relevant = pl.col("grade") > 0
    return qrels.with_columns(
        label=pl.when(is_relevant).then(pl.lit("relevant")).otherwise(pl.lit("non_relevant")),
        gain=pl.col("grade").clip(lower_bound=0).cast(pl.Int64),
    )


def misfit(
    relevant: Sequence[int], non_relevant: Sequence[int], scale: str = "rising"
) -> str | None:
    """Why the two lists of grades cannot be right on ``scale``; None if they can."""
    lists = f"relevant: {list(relevant)}, non_relevant: {list(non_relevant)}"
    if both := sorted(set(relevant) & set(non_relevant)):
        return (
            f"{lists}: grade {both[0]} is both relevant and non_relevant; a grade means one of "
            "them, or neither where it is ambiguous"
        )
    if min(relevant) < 1:
        return (
            f"{lists}: relevant grade {min(relevant)} would gain nothing in a ranking; relevant "
            "grades are 1 or more: add the same number to all grades of the judgments"
        )
    if scale == "rising" and any(grade > min(relevant) for grade in non_relevant):
        return (
            f"{lists}: grade {max(non_relevant)} is non-relevant though relevant passages have "
            f"{min(relevant)}: nDCG would reward the wrong passages; where 1 is the best grade, "
            "say scale: falling, and relevant grades are mirrored"
        )
    better = [grade for grade in non_relevant if 0 < grade < max(relevant)]
    if scale == "falling" and better:
        return (
            f"{lists}: on a falling scale grade {min(better)} is better than relevant "
            f"{max(relevant)}; say scale: rising, or correct the lists"
        )
    return None


def warn_of_ambiguous(qrels: pl.DataFrame, collection: str) -> None:
    """Say in the log which grades of ``qrels`` (label, gain) are in no list, and what they gain."""
    most = qrels.filter(pl.col("label") == "relevant")["gain"].max()
    ambiguous = qrels.filter(pl.col("label").is_null()).group_by("grade", "gain").len()
    for grade, gain, n in ambiguous.sort("grade").iter_rows():
        if gain > most:
            logger.warning(
                "%s: %d judgments have grade %d, which neither `relevant` nor `non_relevant` "
                "lists: they gain %d in a ranking, more than any relevant passage; list the grade, "
                "say scale: falling if 1 is the best, or ablation.ambiguous: unjudged",
                collection,
                n,
                grade,
                gain,
            )
            continue
        # Way out: nothing need be done where they are ambiguous; else add the grade to one list.
        logger.warning(
            "%s: %d judgments have grade %d, which neither `relevant` nor `non_relevant` lists: "
            "ambiguous, attributed as neither; in a ranking they gain %d",
            collection,
            n,
            grade,
            gain,
        )
