"""Orders of sentences by hand; their rankings against texts that were put together by hand."""

import logging

import numpy as np
import polars as pl
import pytest

from relevance_neurons.collections.sentences import CODES, split_sentences
from relevance_neurons.collections.words import languages
from relevance_neurons.tokens import sentence_order
from relevance_neurons.tokens.rankings import measure_ranks, rank_passages, with_ranks
from relevance_neurons.tokens.sentence_order import (
    ALWAYS,
    MEASURES,
    ORDERS,
    PROBABILITY,
    measure_orders,
    measures_of,
    reordered,
    score_orders,
)
from toys.ranked_passages import random_texts, toy_qrels, toy_run, write_texts
from workflow_scripts.tokens import reorder_sentences as script


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Smith went to Washington, D.C.", "He arrived at 5 p.m. on Monday.", "Then he left."],
        ["Use fruit, e.g. apples.", "Also pears, i.e. the green ones.", "Fig. 3 shows this."],
        ["It costs 3.50 dollars.", "See https://example.org/a.b?c=1.", "Is it v1.2.3?", "Yes!"],
        ["The U.S. economy grew.", 'He said "Stop! Now."', "Then he left."],
        ["Mr. J. K. Rowling vs. Jones et al. 2003 won."],
    ],
)
def test_sentences_end_where_they_do(sentences):
    assert split_sentences(" ".join(sentences)) == sentences


def test_white_space_is_no_sentence_and_nothing_else_is_lost():
    assert split_sentences("") == split_sentences("  ") == []
    assert split_sentences("One line. \n\n  Another.Third") == ["One line.", "Another.", "Third"]


def test_the_language_of_the_collection_counts():
    text = "Wir kamen am 3. Mai an. Es regnete."
    assert split_sentences(text, "german") == ["Wir kamen am 3. Mai an.", "Es regnete."]
    assert len(split_sentences(text, "english")) == 3
    assert split_sentences("One. Two.", "none") == ["One.", "Two."]


def test_every_language_of_a_study_has_a_code():
    assert set(languages()) - {"none"} == set(CODES)


def test_orders_by_hand():
    sentences = ["A a.", "B b.", "C c.", "D d."]
    assert reordered(sentences, "original") == sentences
    assert reordered(sentences, "swapped") == ["B b.", "A a.", "C c.", "D d."]
    assert reordered(sentences, "reversed") == ["D d.", "C c.", "B b.", "A a."]
    assert reordered(["A a."], "swapped") == reordered(["A a."], "reversed") == ["A a."]
    assert sentences == ["A a.", "B b.", "C c.", "D d."]  # not changed in place


def test_shuffles_are_seeded_by_text_and_all_orders_come():
    sentences = ["A.", "B.", "C."]
    assert reordered(sentences, "shuffled", 3) == reordered(sentences, "shuffled", 3)
    counts = {}
    for seed in range(600):
        order = tuple(reordered(sentences, "shuffled", seed))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6 and min(counts.values()) > 60
    others = {
        tuple(reordered([*sentences, f"{n}."], "shuffled", 3)).index(f"{n}.") for n in range(30)
    }
    assert len(others) > 1


@pytest.fixture
def toys(two_logits):
    """Rankings and the texts of their rows; passages of one, two and more sentences."""
    run, texts = toy_run(4, 9)
    words = random_texts(40, seed=1)
    passages = {
        doc: " ".join(f"{words[doc + 9 * n].capitalize()}." for n in range(1 + doc % 4))
        for doc in range(9)
    }
    texts = [
        (query, passages[int(doc[1:])])
        for (query, _), doc in zip(texts, run["doc_id"], strict=True)
    ]
    ranked = rank_passages(two_logits, run, texts, toy_qrels())
    of = dict(zip(run.select("query_id", "doc_id").rows(), texts, strict=True))
    return ranked, [of[ids] for ids in ranked.select("query_id", "doc_id").rows()]


def by_hand(passage: str, order: str) -> str:
    sentences = [f"{one}." for one in passage.rstrip(".").split(". ")]
    if order == "reversed":
        sentences = sentences[::-1]
    if order == "swapped" and len(sentences) > 1:
        sentences[0], sentences[1] = sentences[1], sentences[0]
    return " ".join(sentences)


def test_scores_are_those_of_reordered_texts(two_logits, toys, caplog, monkeypatch):
    monkeypatch.setattr(sentence_order, "_CHUNK", 7)
    ranked, texts = toys
    with caplog.at_level(logging.INFO):
        scores = score_orders(two_logits, ranked, texts, seed=1)
    assert scores.columns == list(ORDERS)
    np.testing.assert_array_equal(scores["original"], ranked["score"])
    for order in ("swapped", "reversed"):
        expected = two_logits.score([(query, by_hand(text, order)) for query, text in texts])
        np.testing.assert_allclose(scores[order], expected, atol=1e-6)
    n_single = sum("." not in text[:-1] for _, text in texts)
    assert 0 < n_single < len(texts)
    assert (scores["reversed"] != scores["original"]).sum() == len(texts) - n_single
    assert f"{len(texts)} passages are the same in every order" in caplog.text
    assert f"{n_single} of {len(texts)}" in caplog.text


def test_a_text_is_scored_once(two_logits, toys, monkeypatch):
    """Two sentences swapped are the same as reversed, and one sentence is what it was."""
    ranked, texts = toys
    asked = []
    encode = two_logits.encode
    monkeypatch.setattr(two_logits, "encode", lambda pairs: asked.extend(pairs) or encode(pairs))
    score_orders(two_logits, ranked, texts)
    assert len(asked) == len(set(asked)) and not set(asked) & set(texts)


def test_measures_and_probabilities(two_logits, toys):
    ranked, texts = toys
    scores = score_orders(two_logits, ranked, texts, seed=1)
    found = measure_orders(ranked, scores, toy_qrels())
    assert found.columns == ["order", "query_id", "measure", "value"]
    measured = found.filter(pl.col("measure") != PROBABILITY)
    assert len(measured) == len(ORDERS) * 4 * len(ALWAYS)  # 9 passages have no R@50
    for order in ORDERS:
        own = with_ranks(ranked.with_columns(scores[order].alias("score")))
        expected = measure_ranks(own, toy_qrels(), ALWAYS)
        assert (
            measured.filter(order=order)
            .drop("order")
            .sort(pl.all())
            .equals(expected.sort(pl.all()))
        )
        p = found.filter(order=order, measure=PROBABILITY)
        assert p["query_id"].to_list() == ["q0", "q1"]  # the others have no relevant passage here
        relevant = own.filter(query_id="q0").filter(pl.col("doc_id").is_in(["d3", "d8"]))
        assert p["value"][0] == pytest.approx(np.exp(relevant["score"].to_numpy()).mean())
    assert (
        found.filter(measure="RR").group_by("order").agg(pl.col("value").mean())["value"].n_unique()
        > 1
    )


@pytest.mark.parametrize(
    ("depths", "left_out"),
    [
        ([1000], []),
        ([999, 3], ["R@1000"]),
        ([50, 60], ["R@1000"]),
        ([49], ["R@50", "R@1000"]),
        ([1], ["R@50", "R@1000"]),
        ([], ["R@50", "R@1000"]),
    ],
)
def test_no_recall_below_the_depth_of_the_rankings(depths, left_out):
    queries = [f"q{query}" for query, depth in enumerate(depths) for _ in range(depth)]
    rankings = pl.DataFrame({"query_id": queries}, schema={"query_id": pl.String})
    assert measures_of(rankings) == [one for one in MEASURES if one not in left_out]


def test_script(tmp_path, ranker_folder, toys):
    ranked, texts = toys
    write_texts(tmp_path, ranked, texts)
    ranked.write_parquet(tmp_path / "token_rankings")
    toy_qrels().write_parquet(tmp_path / "qrels")
    given = {name: tmp_path / name for name in ("queries", "documents", "token_rankings", "qrels")}
    made, ranker = tmp_path / "made.parquet", {"model": str(ranker_folder), "max_length": 48}
    script.main(given, made, ranker, {"name": "toys", "language": "english"}, 0)
    found = pl.read_parquet(made)
    assert found.columns == ["collection", "order", "query_id", "measure", "value"]
    assert found["collection"].unique().to_list() == ["toys"]
