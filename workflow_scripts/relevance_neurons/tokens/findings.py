"""The findings of paper 004 beside those of a study: which hold, which do not, which are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from relevance_neurons.tokens.claims import CLAIMS, verdict
from relevance_neurons.tokens.finding_rows import FINDINGS, Row, difference, finding
from relevance_neurons.tokens.query_sums import EVERY
from relevance_neurons.tokens.study_methods import StudyMethods


def findings_frame(rows: Sequence[Row]) -> pl.DataFrame:
    """One row is a claim on a collection (or ``EVERY``), in the order of ``CLAIMS``.

    method: the name of the study's entry that it is about (of two that are compared the other than
    the first); null where the claim is about no scores of tokens. holds: yes, no or undecided, by
    the interval: see the functions that make the rows, and ``verdict``; undecided below ``FEWEST``
    queries; null for numbers that claim nothing by themselves. paper, paper_value: the paper's
    words and its number for what ``value`` is, null where it says nothing of such an entry, as of
    legacy ones. n_collections: how many the row is a mean of; a collection without such queries,
    or layers, is none of them.
    """
    frame = pl.DataFrame(rows, schema=FINDINGS, orient="row")
    order = {name: place for place, name in enumerate(CLAIMS)}
    place = pl.col("claim").replace_strict(order, default=len(order))
    entries = frame["method"].unique(maintain_order=True).to_list()
    entry = pl.col("method").replace_strict(
        {name: number for number, name in enumerate(entries)}, default=-1
    )
    is_every = pl.col("collection") == EVERY
    single = (~is_every).sum().over("claim", "method")
    counted = frame.with_columns(n_collections=pl.when(is_every).then(single).otherwise(1))
    return counted.cast(dict(FINDINGS)).sort(
        place, entry, is_every, "collection", maintain_order=True
    )


def of_overlaps(
    correlations: pl.DataFrame, tops: pl.DataFrame, study: StudyMethods
) -> Iterator[Row]:
    """``overlap_falls_…``: below 0, also of passages alone that are not relevant.

    ``important_fall_more``: important less all, below 0. ``top_overlap_below_first_stage``: Jaccard
    with the query, the ranker's top less the first stage's, below 0.
    """
    of_first = {"method": study.first, "paper": study.first_is_papers}
    for row in correlations.filter(passages="all").iter_rows(named=True):
        is_important = row["tokens"] == "important"
        of = of_first if is_important else {}
        yield _correlation(f"overlap_falls_{row['tokens']}", row, **of)
        if is_important:
            yield difference("important_fall_more", row, above=False, **of)
    others = correlations.filter(passages="not_relevant", tokens="important")
    for row in others.iter_rows(named=True):
        yield _correlation("overlap_falls_important_not_relevant", row, **of_first)
    for row in tops.filter(measure="jaccard").iter_rows(named=True):
        yield difference("top_overlap_below_first_stage", row, above=False)


def _correlation(claim: str, row: Row, **of: object) -> Row:
    ends = (row["ci_low"], row["ci_high"])
    return finding(claim, row, row["spearman"], ends, verdict(*ends, above=False), **of)


def of_robustness(
    truncation: pl.DataFrame, rankings: pl.DataFrame, study: StudyMethods
) -> Iterator[Row]:
    """``removed_…``: at least the paper's percent. ``passage_alone_more_robust``: above 0.

    ``less_kept_ranks_worse``: RR with 90 % of the passages kept, less whole ones', below 0. What
    goes is what the first method finds least important: with another than the paper's, ``removed``
    is a number alone.
    """
    of = {"method": study.first, "paper": study.first_is_papers}
    for row in truncation.iter_rows(named=True):
        claim = f"removed_{row['fields']}"
        ends = (row["value_low"], row["value_high"])
        holds = verdict(*ends, CLAIMS[claim].number) if study.first_is_papers else None
        yield finding(claim, row, row["value"], ends, holds, **of)
        if row["fields"] == "passage":
            yield difference("passage_alone_more_robust", row, **of)
    at = {"fields": "passage", "kept_percent": 90, "measure": "RR"}
    for row in rankings.filter(**at).iter_rows(named=True):
        yield difference("less_kept_ranks_worse", row, above=False, **of)


def of_order(orders: pl.DataFrame, matches: pl.DataFrame) -> Iterator[Row]:
    """Orders: RR and p less the original's, below 0. Matches: percent of queries, above 50."""
    what = {"RR": "ranks_worse", "p_relevant": "lowers_p"}
    for row in orders.filter(pl.col("order") != "original").iter_rows(named=True):
        if row["measure"] in what:
            yield difference(f"{row['order']}_{what[row['measure']]}", row, above=False)
    for row in matches.iter_rows(named=True):
        ends = (row["higher_percent_low"], row["higher_percent_high"])
        claim = f"wrongly_higher_match_earlier_{row['aggregate']}"
        found = finding(claim, row, row["higher_percent"], ends, verdict(*ends, 50))
        yield found | {"p_value": row["p_value_wilcoxon"]}
