"""Which pairs are attributed, in which order, and where the table of scored pairs ends."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relevance_neurons.collections.pairs import keep_pairs, order_pairs
from relevance_neurons.errors import UserError

LABELS = ("relevant", "non_relevant")

SCHEMA = {"query_id": pl.String, "doc_id": pl.String, "grade": pl.Int64}
COLUMNS = "query_id doc_id grade label p_relevant kept n_tokens threshold agrees".split()

qrels_frames = st.dictionaries(
    st.tuples(st.sampled_from("abcde"), st.integers(0, 12).map(str)),
    st.integers(-1, 3),
    max_size=60,
).map(lambda d: pl.DataFrame([(*k, v) for k, v in d.items()], schema=SCHEMA, orient="row"))


def order(qrels, seed=0):
    return order_pairs(qrels, [2, 3], [0], seed)


def ranker(seed):
    """A stand-in for a ranker: the p(relevant) of a pair depends on the pair alone."""

    def score(rows):
        keys = [f"{seed}{row['query_id']}/{row['doc_id']}" for row in rows.iter_rows(named=True)]
        p = [np.random.default_rng(list(key.encode())).random() for key in keys]
        return np.array(p), np.array([len(key) for key in keys])

    return score


def keep(ordered, score, max_pairs, chunk, label="relevant"):
    return keep_pairs(ordered, score, max_pairs, chunk, collection="c", label=label)


@given(qrels_frames, st.integers(0, 5))
def test_exactly_the_unambiguous_judgments_with_their_label(qrels, seed):
    expected = {
        (query, doc, grade, {2: "relevant", 3: "relevant", 0: "non_relevant"}[grade])
        for query, doc, grade in qrels.iter_rows()
        if grade in (0, 2, 3)
    }
    ordered = order(qrels, seed)
    assert set(ordered.iter_rows()) == expected
    assert len(ordered) == len(expected)


@given(qrels_frames)
def test_no_query_dominates_any_prefix(qrels):
    ordered = order(qrels)
    for label in LABELS:
        queries = ordered.filter(pl.col("label") == label)["query_id"].to_list()
        total, so_far = Counter(queries), Counter()
        for query in queries:
            so_far[query] += 1
            # A query gets its next turn only once every other has had as many or is used up.
            assert all(so_far[q] >= min(so_far[query] - 1, total[q]) for q in total)


@given(qrels_frames, st.randoms(), st.integers(0, 3))
def test_order_depends_on_the_seed_and_not_on_the_rows_order(qrels, random, seed):
    rows = list(range(len(qrels)))
    random.shuffle(rows)
    assert order(qrels[rows], seed).equals(order(qrels, seed))


def test_order_is_random_within_and_across_queries():
    rows = [(q, f"{d:02}", 3) for q in "abcdefghij" for d in range(20)]
    qrels = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    firsts = [order(qrels, seed).head(10) for seed in range(200)]
    assert len({tuple(first["query_id"]) for first in firsts}) > 190
    drawn = Counter(first.filter(query_id="a")["doc_id"].item() for first in firsts)
    # 200 draws of 20 documents, 10 each expected: chi-squared below its 99.9 % point (19 d.f.).
    assert sum((drawn[f"{d:02}"] - 10) ** 2 / 10 for d in range(20)) < 43.8
    turns = order(qrels, 0)["query_id"].to_list()
    assert turns[:10] != turns[10:20]


def test_a_grade_with_two_labels_is_refused():
    with pytest.raises(UserError, match=r"grade 1 is both in relevant: \[1, 2\]"):
        order_pairs(pl.DataFrame(schema=SCHEMA), [1, 2], [0, 1], 0)


def test_a_million_judgments_take_seconds():
    n = 1_000_000
    numbers = pl.int_range(n, eager=True)
    qrels = pl.DataFrame(
        {
            "query_id": (numbers // 150).cast(pl.String),
            "doc_id": numbers.cast(pl.String),
            "grade": numbers % 4,
        }
    )
    ordered = order(qrels)
    assert len(ordered) == 750_000
    assert ordered.filter(label="relevant").head(6667)["query_id"].n_unique() == 6667


@settings(deadline=None)
@given(
    qrels_frames,
    st.integers(0, 9),
    st.integers(1, 12),
    st.integers(1, 9),
    st.sampled_from(LABELS),
)
def test_kept_pairs_are_the_first_that_agree(qrels, seed, max_pairs, chunk, label):
    ordered, score = order(qrels), ranker(seed)
    pairs = ordered.filter(pl.col("label") == label)
    p, n_tokens = score(pairs)
    agree = p > 0.5 if label == "relevant" else p < 0.5
    if not agree.any():
        with pytest.raises(UserError, match=f"{len(pairs)} judged, {len(pairs)} scored, 0 agree"):
            keep(ordered, score, max_pairs, chunk, label)
        return
    table = keep(ordered, score, max_pairs, chunk, label)
    # The oracle: a plain walk along the pairs.
    end, n_kept = 0, 0
    while end < len(pairs) and n_kept < max_pairs:
        n_kept += agree[end]
        end += 1
    assert table.columns == COLUMNS
    assert table.select(pairs.columns).equals(pairs.head(end))
    assert table["kept"].to_list() == agree[:end].tolist()
    assert table["p_relevant"].to_list() == p[:end].tolist()
    assert table["n_tokens"].to_list() == n_tokens[:end].tolist()


def test_scores_no_chunk_beyond_the_last_kept_pair():
    qrels = pl.DataFrame([("q", str(d), 3) for d in range(100)], schema=SCHEMA, orient="row")
    sizes = []

    def score(rows):
        sizes.append(len(rows))
        return np.full(len(rows), 0.9), np.full(len(rows), 7)

    table = keep(order(qrels), score, max_pairs=25, chunk=10)
    assert sizes == [10, 10, 10]
    assert len(table) == table["kept"].sum() == 25


@pytest.mark.parametrize("p", [0.5, float("nan")])
@pytest.mark.parametrize("label", LABELS)
def test_an_undecided_or_broken_prediction_agrees_with_nothing(p, label):
    qrels = pl.DataFrame([("q", "a", 3), ("q", "b", 0)], schema=SCHEMA, orient="row")
    with pytest.raises(
        UserError, match=f"collection c, label {label}: 1 judged, 1 scored, 0 agree"
    ):
        keep(order(qrels), lambda rows: ([p] * len(rows), [3] * len(rows)), 5, 4, label)


def test_no_judged_pair_of_the_label():
    qrels = pl.DataFrame([("q", "a", 3)], schema=SCHEMA, orient="row")
    with pytest.raises(
        UserError, match=r"label non_relevant: 0 judged, 0 scored, 0 agree; no judg"
    ):
        keep(order(qrels), ranker(0), 5, 4, "non_relevant")
