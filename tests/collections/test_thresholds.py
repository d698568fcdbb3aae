"""Thresholds of p(relevant): by brute force, cross-fitted, and for rankers without a zero point."""

import logging

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relevance_neurons.collections.pairs import first_scores, keep_pairs, order_pairs
from relevance_neurons.collections.thresholds import (
    best_threshold,
    cross_fitted,
    warn_if_one_sided,
)
from relevance_neurons.errors import UserError

probabilities = st.lists(st.floats(1e-9, 1 - 1e-9), min_size=1, max_size=12).map(np.array)


@settings(deadline=None)
@given(probabilities, probabilities)
def test_no_other_threshold_tells_the_labels_better_apart(relevant, non_relevant):
    found = best_threshold(relevant, non_relevant)

    def gained(threshold):
        return (relevant > threshold).mean() + (non_relevant <= threshold).mean()

    tried = np.concatenate([relevant, non_relevant, [-1, 2]])
    # Values that differ by less than log-odds in double precision can tell are one.
    assert gained(found) >= max(map(gained, np.nextafter(tried, -1))) - 1e-9 or np.any(
        np.abs(np.diff(np.sort(tried))) < 1e-12
    )


def test_it_lies_in_the_middle_of_the_log_odds():
    logistic = lambda z: 1 / (1 + np.exp(-np.array(z)))  # noqa: E731
    assert best_threshold(logistic([12.0, 14.0]), logistic([7.0, 10.0])) == pytest.approx(
        logistic(11.0), abs=1e-12
    )


def judged(n_queries=40, shift=0.0, seed=0):
    """Pairs whose log-odds are about 2 for relevant, -2 for non-relevant ones, plus ``shift``."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"q{q}", f"{label}{n}", grade, grade * 4 - 2 + rng.normal() + shift)
        for q in range(n_queries)
        for label, grade in (("relevant", 1), ("non_relevant", 0))
        for n in range(3)
    ]
    names = ["query_id", "doc_id", "grade", "odds"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    return frame.with_columns(p_relevant=1 / (1 + (-pl.col("odds")).exp()))


def scorer(pairs):
    known = {(q, d): p for q, d, p in pairs.select("query_id", "doc_id", "p_relevant").iter_rows()}

    def score(rows):
        keys = rows.select("query_id", "doc_id").iter_rows()
        return np.array([known[key] for key in keys]), np.ones(len(rows), int)

    return score


def kept(pairs, label, thresholds, keep="agreeing"):
    ordered = order_pairs(pairs, [1], [0], 0)
    choice = {"collection": "c", "label": label, "thresholds": thresholds, "keep": keep}
    return keep_pairs(ordered, scorer(pairs), 50, 16, **choice)


def auto(pairs):
    ordered = order_pairs(pairs, [1], [0], 0)
    first = first_scores(ordered, scorer(pairs), 60, 16)
    return cross_fitted(first, ordered["query_id"], 0, "c")


@pytest.mark.parametrize("label", ["relevant", "non_relevant"])
def test_a_ranker_that_is_shifted_keeps_the_same_pairs(label):
    plain, shifted = judged(), judged(shift=12.0)
    at_auto = kept(plain, label, auto(plain))
    of_shifted = kept(shifted, label, auto(shifted))
    assert of_shifted.select("doc_id", "kept").equals(at_auto.select("doc_id", "kept"))
    assert at_auto["kept"].mean() > 0.9
    assert at_auto["threshold"].is_between(0.3, 0.7).all()
    assert (of_shifted["threshold"] > 0.9999).all()


def test_no_query_has_a_say_in_its_own_threshold():
    pairs = judged()
    before = auto(pairs)
    changed = pairs.with_columns(
        p_relevant=pl.when(pl.col("query_id") == "q7").then(0.5).otherwise(pl.col("p_relevant"))
    )
    of_fold = before.filter(pl.col("threshold") == before.filter(query_id="q7")["threshold"][0])
    after = auto(changed)
    assert after.filter(query_id="q7").equals(before.filter(query_id="q7"))
    assert 1 < before["threshold"].n_unique() <= 5 and 5 <= len(of_fold) < len(before)


def test_what_was_found_is_told(caplog):
    caplog.set_level(logging.INFO)
    auto(judged())
    assert "balanced accuracy on pairs that they were not fitted on: 0.9" in caplog.text


def test_auto_needs_both_labels():
    pairs = judged(n_queries=3).filter(pl.col("grade") == 1)
    with pytest.raises(UserError, match=r"collection c: attribution\.threshold: auto needs judged"):
        auto(pairs)


def test_all_pairs_are_kept_where_the_study_says_so():
    pairs = judged(shift=12.0)
    found = kept(pairs, "non_relevant", 0.5, keep="all")
    assert found["kept"].all() and not found["agrees"].any() and len(found) == 50
    with pytest.raises(UserError, match=r"0 agree: .* goes from 0\.99.* to 1; a ranker trained on"):
        kept(pairs, "non_relevant", 0.5)


def test_a_ranker_that_puts_out_no_numbers_is_named():
    pairs = judged().with_columns(p_relevant=float("nan"))
    for keep in ("agreeing", "all"):
        with pytest.raises(UserError, match=r"puts out no numbers \(nan\); check its weights"):
            kept(pairs, "relevant", 0.5, keep)


@pytest.mark.parametrize(("shift", "side"), [(12.0, "above"), (-12.0, "below"), (0.0, None)])
def test_one_sided_scores_are_noticed(caplog, shift, side):
    pairs = judged(shift=shift)
    both = [kept(pairs, label, 0.5, keep="all") for label in ("relevant", "non_relevant")]
    warn_if_one_sided(pl.concat(both), "c")
    assert (f"is {side} the threshold" in caplog.text) == (side is not None)
    assert bool(caplog.text) == (side is not None)
