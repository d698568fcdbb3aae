"""Measures of rankings: against trec_eval's own code, a formula in numpy, and by hand."""

import itertools
import math

import numpy as np
import polars as pl
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from relevance_neurons.ablation.measures import measure_rankings, shuffled_rankings
from relevance_neurons.errors import UserError
from relevance_neurons.selection.ablation_kinds import SHUFFLED
from workflow_scripts.ablation import measure_rankings as script

SCORES = {
    "scheme": pl.String,
    "top_percent": pl.Float64,
    "draw": pl.Int64,
    "query_id": pl.String,
    "doc_id": pl.String,
    "score": pl.Float64,
}
QRELS = {"query_id": pl.String, "doc_id": pl.String, "grade": pl.Int64}


def one_ranking(passages, scheme="none", draw=0):
    rows = [(scheme, 0.0, draw, q, d, float(s)) for q, d, s in passages]
    return pl.DataFrame(rows, schema=SCORES, orient="row")


def qrels_frame(judgments):
    return pl.DataFrame(judgments, schema=QRELS, orient="row")


def values(scores, judgments, measure="nDCG@10"):
    result = measure_rankings(scores, qrels_frame(judgments), measure)
    return dict(result.select("query_id", "value").iter_rows())


def ndcg(passages, grades, cutoff):
    """nDCG of one query by its formula (Järvelin and Kekäläinen 2002, as in trec_eval)."""
    ranked = sorted(
        passages, key=lambda pair: (np.float32(pair[1]), pair[0].encode()), reverse=True
    )
    gains = np.array([max(grades.get(doc, 0), 0) for doc, _ in ranked], dtype=float)
    ideal = np.sort([max(grade, 0) for grade in grades.values()])[::-1]

    def dcg(g):
        g = g[:cutoff]
        return float((g / np.log2(np.arange(2, len(g) + 2))).sum())

    return dcg(gains) / dcg(ideal) if dcg(ideal) else 0.0


def test_by_hand():
    scores = one_ranking([("q", "a", 0.9), ("q", "b", 0.8), ("q", "c", 0.7), ("q", "d", 0.1)])
    judgments = [("q", "a", 0), ("q", "b", 2), ("q", "c", -2), ("q", "d", 1)]
    # Gains in order 0, 2, 0, 1; ideal 2, 1.
    dcg, ideal = 2 / math.log2(3) + 1 / math.log2(5), 2 / 1 + 1 / math.log2(3)
    assert values(scores, judgments)["q"] == pytest.approx(dcg / ideal, abs=1e-12)
    assert values(scores, judgments, "nDCG@2")["q"] == pytest.approx(
        2 / math.log2(3) / ideal, abs=1e-12
    )
    assert values(scores, judgments, "RR@10")["q"] == 1 / 2
    assert values(scores, judgments, "P@4")["q"] == 2 / 4
    assert values(scores, judgments, "AP")["q"] == (1 / 2 + 2 / 4) / 2


passages = st.dictionaries(
    st.tuples(st.sampled_from("pq"), st.sampled_from("abcdefghijklmnoé")),
    st.sampled_from([-2.5, -1.0, -1.0 - 1e-12, 0.0, 1e-9, 2e-9, 0.3]) | st.floats(-30, 0),
    min_size=1,
)
judgments = st.dictionaries(
    st.tuples(st.sampled_from("pqr"), st.sampled_from("abcdefghijklmnoéxyz")), st.integers(-2, 4)
)


@settings(deadline=None, max_examples=200)
@given(passages, judgments)
def test_same_as_trec_eval_and_as_the_formula(passages, judgments):
    ours = values(
        one_ranking([(*key, score) for key, score in passages.items()]),
        [(*key, grade) for key, grade in judgments.items()],
    )
    run = {q: {d: s for (r, d), s in passages.items() if r == q} for q, _ in passages}
    grades = {q: {d: g for (r, d), g in judgments.items() if r == q} for q, _ in judgments}
    # Given negative grades, trec_eval's code writes outside its memory and may crash.
    clipped = {q: {d: max(g, 0) for d, g in docs.items()} for q, docs in grades.items()}
    evaluator = pytrec_eval.RelevanceEvaluator(clipped, {"ndcg_cut_10"})
    theirs = evaluator.evaluate(run) if grades else {}
    assert ours.keys() == run.keys()
    for query, value in ours.items():
        assert value == theirs.get(query, {"ndcg_cut_10": 0.0})["ndcg_cut_10"]
        formula = ndcg(list(run[query].items()), grades.get(query, {}), 10)
        assert value == pytest.approx(formula, abs=1e-12)


@pytest.mark.parametrize("measure", ["nDCG@1", "RR@1", "RR", "P@1", "Judged@1"])
def test_ties_put_the_larger_id_first(measure):
    # "é" is larger than "z" by bytes; the scores differ by less than single precision tells.
    scores = one_ranking([("q", "z", 0.5 + 1e-12), ("q", "é", 0.5), ("q", "10", 0.5)])
    assert values(scores, [("q", "é", 1)], measure)["q"] == 1
    assert values(scores, [("q", "z", 1)], measure)["q"] < 1
    assert values(scores.reverse(), [("q", "é", 1)], measure)["q"] == 1


def test_every_ranking_and_every_query_has_a_row():
    first = one_ranking([("q1", "a", 2), ("q2", "a", 1), ("q3", "a", 1)], "random:P_and_all", 1)
    second = one_ranking([("q2", "b", 1), ("q1", "b", 2), ("q1", "a", 1)], "none")
    table = measure_rankings(
        pl.concat([first, second]),
        qrels_frame([("q1", "a", 1), ("q2", "a", 1), ("other", "a", 1)]),
    )
    assert table.columns == ["scheme", "top_percent", "draw", "query_id", "measure", "value"]
    second_place = 1 / math.log2(3)
    assert table.drop("top_percent").rows() == [
        ("none", 0, "q1", "nDCG@10", pytest.approx(second_place)),
        ("none", 0, "q2", "nDCG@10", 0.0),
        ("none", 0, "q3", "nDCG@10", 0.0),
        ("random:P_and_all", 1, "q1", "nDCG@10", 1.0),
        ("random:P_and_all", 1, "q2", "nDCG@10", 1.0),
        ("random:P_and_all", 1, "q3", "nDCG@10", 0.0),
    ]


@pytest.mark.parametrize(
    "measure",
    "nDCGG@10|nDCG@|nDCG@0|P@0|Judged@0|nDCG@x|nDCG@1.5|nDCG@'a'|nDCG(foo=1)@10|P|1||P@5, AP|"
    "P(rel=0)@5|ERR@10|alpha_nDCG@10|ndcg_cut_10|nDCG@10)".split("|"),
)
def test_unknown_measures(measure):
    with pytest.raises(UserError, match="allowed are the names of ir_measures") as caught:
        values(one_ranking([("q", "a", 1)]), [("q", "a", 1)], measure)
    assert str(caught.value).startswith(f"measure {measure!r} cannot be used")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_no_ranking(score):
    with pytest.raises(ValueError, match="NaN, infinite or missing"):
        values(one_ranking([("q", "a", 1), ("q", "b", score)]), [("q", "a", 1)])


def test_many_rankings_are_fast():
    rng = np.random.default_rng(0)
    keys = list(itertools.product(["s", "t"], range(150), range(100), range(21)))
    scheme, draw, query, doc = zip(*keys, strict=True)
    scores = pl.DataFrame(
        {
            "scheme": scheme,
            "top_percent": 1.0,
            "draw": draw,
            "query_id": [f"q{number}" for number in query],
            "doc_id": [f"d{number}" for number in doc],
            "score": rng.normal(size=len(keys)),
        }
    )
    qrels = qrels_frame([(f"q{q}", f"d{q % 21}", 1) for q in range(100)])
    table = measure_rankings(scores, qrels)
    assert len(table) == 300 * 100
    # One relevant passage among 21 in random order: the mean of 1 / log2(rank + 1) up to rank 10.
    expected = (1 / np.log2(np.arange(2, 12))).sum() / 21
    assert table["value"].mean() == pytest.approx(expected, abs=0.01)


def pools_of(sizes):
    return one_ranking(
        [(f"q{q}", f"d{d}", -d) for q, size in enumerate(sizes) for d in range(size)]
    )


def test_shuffled_pools_have_the_expected_ndcg():
    """E[DCG@10] of a random order: every place holds the mean gain of the pool."""
    sizes = [1, 4, 12, 30]
    grades = {(f"q{q}", f"d{d}"): (d + q) % 4 for q, size in enumerate(sizes) for d in range(size)}
    judgments = qrels_frame([(*key, grade) for key, grade in grades.items()])
    shuffled = shuffled_rankings(pools_of(sizes), 3000, seed=1)
    found = measure_rankings(shuffled, judgments)
    for q, size in enumerate(sizes):
        gains = np.array([grades[f"q{q}", f"d{d}"] for d in range(size)], dtype=float)
        discounts = 1 / np.log2(np.arange(2, min(size, 10) + 2))
        ideal = (np.sort(gains)[::-1][:10] * discounts).sum()
        expected = gains.mean() * discounts.sum() / ideal if ideal else 0.0
        values = found.filter(query_id=f"q{q}")["value"]
        assert len(values) == 3000
        error = values.std() / np.sqrt(len(values))
        assert values.mean() == pytest.approx(expected, abs=4 * error + 1e-12)


def test_every_order_of_a_pool_is_equally_likely():
    orders = shuffled_rankings(pools_of([3]), 6000).sort("draw", "score")
    counts = orders.group_by("draw").agg(pl.col("doc_id").str.join())["doc_id"].value_counts()
    assert len(counts) == 6
    assert counts["count"].is_between(1000 - 150, 1000 + 150).all()  # 5 standard deviations


def test_shuffles_are_those_of_the_query_whatever_the_others_are():
    pools = pl.concat([pools_of([5, 5]), one_ranking([("q1", "d0", 9)], "P_a", 3)])
    shuffled = shuffled_rankings(pools, 20, seed=4)
    assert shuffled.schema == pools.schema
    assert shuffled.select("scheme", "top_percent").unique().rows() == [(SHUFFLED, 0.0)]
    assert shuffled["draw"].unique().sort().to_list() == list(range(20))
    assert len(shuffled) == 20 * 2 * 5
    alone = shuffled_rankings(pools.filter(query_id="q1").reverse(), 20, seed=4)
    assert alone.equals(shuffled.filter(query_id="q1"))
    assert not shuffled_rankings(pools, 20, seed=5).equals(shuffled)
    first, second = (shuffled.filter(query_id=q)["score"] for q in ("q0", "q1"))
    assert not first.equals(second)


def test_shuffles_of_a_whole_collection():
    shuffled = shuffled_rankings(pools_of([30] * 100), 200)
    judgments = qrels_frame([(f"q{q}", f"d{d}", d % 3) for q in range(100) for d in range(30)])
    assert len(measure_rankings(shuffled, judgments)) == 200 * 100


def test_script_takes_the_ideal_ranking_from_the_pool(tmp_path):
    shards = [tmp_path / f"{name}.parquet" for name in "ab"]
    for number, shard in enumerate(shards):
        one_ranking([("q", shard.stem, number + 1)]).write_parquet(shard)
    qrels_frame([("q", "a", 1), ("q", "not in the pool", 3)]).write_parquet(tmp_path / "qrels")
    made = {name: tmp_path / f"{name}.parquet" for name in ("rerankings", "measures")}
    settings = {"measure": "nDCG@10", "ambiguous": "gain", "shuffles": 50, "seed": 1}
    script.main(shards, tmp_path / "qrels", made, settings)
    assert pl.read_parquet(made["rerankings"]).equals(pl.concat(map(pl.read_parquet, shards)))
    found = pl.read_parquet(made["measures"])
    second_place = pytest.approx(1 / math.log2(3))
    assert found.filter(scheme="none")["value"].item() == second_place
    shuffled = found.filter(scheme=SHUFFLED)
    assert len(shuffled) == 50
    assert sorted(shuffled["value"].unique()) == [second_place, 1]
