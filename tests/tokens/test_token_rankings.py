"""The ranker's order of BM25's passages: against a plain sort and trec_eval's own code."""

import numpy as np
import polars as pl
import pytest
import pytrec_eval

from relevance_neurons.tokens.pair_scores import log_p_relevant
from relevance_neurons.tokens.rankings import measure_ranks, rank_passages, with_ranks
from toys.bert import PAIRS
from toys.ranked_passages import toy_qrels, toy_run, write_texts
from workflow_scripts.tokens import rank_passages as script

COLUMNS = ["query_id", "doc_id", "bm25_rank", "bm25_score", "score", "rank"]
COLUMNS += ["grade", "is_relevant", "gain", "label", "is_scored"]


def test_every_passage_has_its_place(reranker):
    run, texts = toy_run()
    ranked = rank_passages(reranker, run, texts, toy_qrels())
    assert ranked.columns == COLUMNS
    scores = dict(zip(run.select("query_id", "doc_id").rows(), reranker.score(texts), strict=True))
    for (query,), rows in ranked.group_by("query_id"):
        expected = sorted(range(9), key=lambda doc: (-scores[query, f"d{doc}"].item(), doc))
        assert rows["doc_id"].to_list() == [f"d{doc}" for doc in expected]
        assert rows["rank"].to_list() == list(range(1, 10))
        places = rows["doc_id"].to_list()
        assert places.index("d8") == places.index("d2") + 1  # the same text: as BM25 has them
        np.testing.assert_allclose(rows["score"], [scores[query, doc] for doc in places], atol=1e-6)


def test_grades_say_what_is_relevant(two_logits):
    run, texts = toy_run()
    ranked = rank_passages(two_logits, run, texts, toy_qrels())
    found = {
        (query, doc): rest
        for query, doc, *rest in ranked.select(
            "query_id", "doc_id", "grade", "is_relevant", "gain"
        ).rows()
    }
    assert len(found) == len(run)
    assert found["q0", "d8"] == [3, True, 3]
    assert found["q0", "d3"] == [2, True, 2]
    assert found["q0", "d2"] == [1, None, 1]  # neither
    assert found["q0", "d0"] == [0, False, 0]
    assert found["q0", "d7"] == [None, False, 0]  # not judged
    assert found["q3", "d0"] == [None, False, 0]


def test_an_own_run_stands_in_the_place_of_bm25(two_logits):
    run, texts = toy_run()
    own = run.rename({"bm25_rank": "run_rank", "bm25_score": "run_score"})
    ranked = rank_passages(two_logits, own, texts, toy_qrels())
    assert ranked.equals(rank_passages(two_logits, run, texts, toy_qrels()))


def test_measures_are_trec_evals():
    rng = np.random.default_rng(0)
    scored = pl.DataFrame(
        [
            (f"q{query}", f"d{doc}", doc, float(score))
            for query in range(30)
            for doc, score in enumerate(rng.permutation(40))
        ],
        schema=["query_id", "doc_id", "bm25_rank", "score"],
        orient="row",
    )
    grades = {f"q{query}": {f"d{doc}": 1 for doc in rng.integers(0, 60, 4)} for query in range(30)}
    judged = [(query, doc, 1) for query, docs in grades.items() for doc in docs]
    qrels = pl.DataFrame(judged, schema=["query_id", "doc_id", "grade"], orient="row")
    names = {"P@1": "P_1", "RR": "recip_rank", "R@3": "recall_3", "R@50": "recall_50"}
    run = {f"q{query}": {} for query in range(30)}
    for query, doc, _, score in scored.rows():
        run[query][doc] = score
    theirs = pytrec_eval.RelevanceEvaluator(grades, {"P.1", "recip_rank", "recall.3,50"}).evaluate(
        run
    )
    found = measure_ranks(with_ranks(scored), qrels, list(names))
    assert len(found) == 30 * len(names)
    for query, measure, value in found.rows():
        assert value == pytest.approx(theirs[query][names[measure]], abs=1e-12), (query, measure)
    assert 0 < found.filter(measure="R@50")["value"].mean() < 1  # some are not found


def test_a_query_whose_relevant_passages_are_not_found_has_zero(two_logits):
    run, texts = toy_run()
    ranked = rank_passages(two_logits, run, texts, toy_qrels())
    found = measure_ranks(ranked, toy_qrels(), ["RR", "R@1000"])
    values = {(query, measure): value for query, measure, value in found.rows()}
    assert values["q2", "RR"] == values["q2", "R@1000"] == 0
    assert values["q0", "R@1000"] == pytest.approx(2 / 3)
    assert values["q1", "RR"] == 1 / ranked.filter(query_id="q1", doc_id="d5")["rank"].item()


def test_ties_stand_as_ranked_whatever_their_ids():
    scored = pl.DataFrame(
        {"query_id": "q", "doc_id": ["a", "z"], "bm25_rank": [1, 2], "score": [-1.0, -1.0]}
    )
    qrels = pl.DataFrame({"query_id": ["q"], "doc_id": ["a"], "grade": [1]})
    # trec_eval alone would put z before a.
    assert measure_ranks(with_ranks(scored), qrels, ["RR"])["value"].item() == 1


def test_a_score_that_is_no_number_is_no_ranking():
    scored = pl.DataFrame({"query_id": "q", "doc_id": "a", "bm25_rank": 1, "score": [np.nan]})
    with pytest.raises(ValueError, match="NaN, infinite or missing"):
        with_ranks(scored)


def test_encoded_pairs_have_the_scores_of_their_texts(reranker):
    found = log_p_relevant(reranker, reranker.encode(PAIRS))
    np.testing.assert_allclose(found, reranker.score(PAIRS), atol=1e-6)


def test_script(tmp_path, ranker_folder):
    run, texts = toy_run(2, 4)
    run.write_parquet(tmp_path / "run")
    toy_qrels().write_parquet(tmp_path / "qrels")
    write_texts(tmp_path, run, texts)
    given = {name: tmp_path / name for name in ("run", "queries", "documents", "qrels")}
    made = {name: tmp_path / f"{name}.parquet" for name in ("token_rankings", "ranked_tokens")}
    script.main(given, made, {"model": str(ranker_folder), "max_length": 12}, 3)
    ranked, tokens = map(pl.read_parquet, made.values())
    assert ranked.columns == COLUMNS and len(ranked) == 8
    assert ranked["is_scored"].to_list() == [rank <= 3 for rank in ranked["rank"]]
    relevant = ranked["is_relevant"].fill_null(False)  # a grade in neither list is not relevant
    assert ranked["label"].to_list() == ["relevant" if one else "non_relevant" for one in relevant]
    for row, text in zip(tokens.to_dicts(), texts, strict=True):
        query, passage = (one.split() for one in text)
        assert row["query_tokens"] == query
        assert row["passage_tokens"] == passage[: 12 - 3 - len(query)]  # cut where the ranker cuts
