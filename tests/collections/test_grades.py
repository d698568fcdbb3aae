"""What grades mean: labels, gains, and lists that cannot be right."""

import polars as pl
import pytest

from relevance_neurons.ablation.measures import measure_rankings
from relevance_neurons.collections.grades import (
    label_grades,
    misfit,
    warn_of_ambiguous,
    with_labels,
)
from relevance_neurons.errors import UserError


def qrels(*grades):
    ids = [f"d{number}" for number in range(len(grades))]
    return pl.DataFrame({"query_id": "q", "doc_id": ids, "grade": grades})


def of(frame):
    return frame.select("label", "gain").rows()


def test_labels_and_gains_by_hand():
    relevant, non_relevant = "relevant", "non_relevant"
    found = label_grades(qrels(0, 1, 2, 3, -2), [2, 3], [0])
    assert of(found) == [
        (non_relevant, 0), (None, 1), (relevant, 2), (relevant, 3), (None, 0)
    ]  # fmt: skip
    # A scale from 1 on, on which 1 is non-relevant: it gains nothing.
    assert of(label_grades(qrels(1, 2, 4), [4], [1])) == [
        (non_relevant, 0), (None, 2), (relevant, 4)
    ]  # fmt: skip
    # Cranfield's own: 1 is the best, 4 the least.
    assert of(label_grades(qrels(1, 2, 3, 4, 5), [1, 2, 3], [5], "falling")) == [
        (relevant, 3), (relevant, 2), (relevant, 1), (None, 0), (non_relevant, 0)
    ]  # fmt: skip
    # Its grades below 1 are no better than the best, though they are smaller.
    assert of(label_grades(qrels(-1, 0, 1, 4), [1, 2, 3, 4], [], "falling")) == [
        (None, 0), (None, 0), (relevant, 4), (relevant, 1)
    ]  # fmt: skip
    assert of(with_labels(qrels(-1, 0, 2))) == [
        (non_relevant, 0), (non_relevant, 0), (relevant, 2)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("relevant", "non_relevant", "scale", "message"),
    [
        ([1, 2], [4], "rising", "grade 4 is non-relevant though .* have 1.*; .*scale: falling"),
        ([2], [1, 3], "rising", "grade 3 is non-relevant"),
        ([0, 1], [], "rising", "relevant grade 0 would gain nothing"),
        ([1], [1], "rising", "grade 1 is both"),
        ([1, 3], [-1, 2], "falling", "grade 2 is better than relevant 3; say scale: rising"),
    ],
)
def test_lists_that_cannot_be_right(relevant, non_relevant, scale, message):
    with pytest.raises(UserError, match=message):
        label_grades(qrels(1), relevant, non_relevant, scale)


def test_lists_that_are_right():
    for lists in [([1], [0]), ([2, 3], [0, 1]), ([4], [1]), ([1, 2], []), ([2, 4, 8, 16], [0])]:
        assert misfit(*lists) is None
    assert misfit([1, 2, 3], [4, -1, 0], "falling") is None


def test_grades_in_no_list_are_told_with_what_they_gain(caplog):
    warn_of_ambiguous(label_grades(qrels(0, 1, 1, 2, 5), [2], [0]), "c")
    first, second = caplog.messages
    assert first.startswith("c: 2 judgments have grade 1") and "they gain 1" in first
    assert "1 judgments have grade 5" in second
    assert "they gain 5 in a ranking, more than any relevant passage" in second


def value(order, judged, measure="nDCG@10", ambiguous="gain"):
    rows = [("none", 0.0, 0, "q", doc_id, -float(n)) for n, doc_id in enumerate(order)]
    names = ["scheme", "top_percent", "draw", "query_id", "doc_id", "score"]
    run = pl.DataFrame(rows, schema=names, orient="row")
    return measure_rankings(run, judged, measure, ambiguous)["value"][0]


def test_measures_follow_the_study_s_lists():
    falling = label_grades(qrels(1, 2, 4), [1, 2], [4], "falling")
    assert value(["d0", "d1", "d2"], falling) == 1
    assert value(["d2", "d1", "d0"], falling) < value(["d1", "d0", "d2"], falling) < 1
    from_one = label_grades(qrels(4, 1, 1), [4], [1])
    assert value(["d1", "d2", "d0"], from_one) == 0.5  # one relevant passage, on rank 3
    ambiguous = label_grades(qrels(4, 1, 0), [4], [0])
    for measure in ("RR@10", "RR", "AP"):
        assert value(["d1", "d0", "d2"], ambiguous, measure) == 0.5
    assert value(["d1", "d0", "d2"], ambiguous, "P@1") == 0
    assert value(["d0", "d1", "d2"], ambiguous, "P@1") == 1


def test_ambiguous_passages_gain_what_they_are_or_are_not_judged():
    judged = label_grades(qrels(2, 1, 0), [2], [0])
    order = ["d1", "d0", "d2"]
    assert value(order, judged) == value(order, qrels(2, 1, 0))  # trec_eval's
    unjudged = label_grades(qrels(2, 0), [2], [0])
    without = unjudged.with_columns(doc_id=pl.Series(["d0", "d2"]))
    assert value(order, judged, ambiguous="unjudged") == value(order, without)
    assert value(order, judged, "Judged@10", "unjudged") == pytest.approx(2 / 3)
    assert value(order, judged, "Judged@10") == 1
