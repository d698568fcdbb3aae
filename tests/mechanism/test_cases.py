"""In which order passages are tried, and which sentences of other queries are put behind them."""

import polars as pl
import pytest

from relevance_neurons.mechanism.cases import (
    OtherSentences,
    most_sentences_first,
    read_cases,
    spread_pairs,
)
from relevance_neurons.mechanism.perturbations import Case
from relevance_neurons.mechanism.terms import Term

TERM = Term("wing", "wing", "wing", 1.0, 1)


def judged(grades: dict[str, list[int]]) -> pl.DataFrame:
    rows = [
        (query_id, f"{query_id}-{number}", grade)
        for query_id, own in grades.items()
        for number, grade in enumerate(own)
    ]
    return pl.DataFrame(rows, ["query_id", "doc_id", "grade"], orient="row")


def test_queries_take_turns_and_so_do_grades():
    qrels = judged({"a": [0] * 30 + [1, 2], "b": [0] * 30 + [1, 2], "c": [0]})
    found = spread_pairs(qrels, 0).join(qrels, on=["query_id", "doc_id"], maintain_order="left")
    assert sorted(found["query_id"][:3]) == ["a", "b", "c"]
    assert sorted(found["query_id"][3:7]) == ["a", "a", "b", "b"]
    for query_id in "ab":
        assert sorted(found.filter(query_id=query_id)["grade"][:3]) == [0, 1, 2]
    assert len(found) == len(qrels)


def test_the_order_is_of_the_seed_alone():
    qrels = judged({str(n): [0, 1, 2] for n in range(9)})
    first = spread_pairs(qrels, 3)
    shuffled = qrels.sample(fraction=1, shuffle=True, seed=0)
    assert spread_pairs(shuffled, 3).equals(first)
    assert not spread_pairs(qrels, 4).equals(first)


def case(query_id: str, n_sentences: int, name: str = "") -> Case:
    return Case(
        query_id, f"{query_id}{n_sentences}{name}", "", "This is one of it. " * n_sentences, TERM
    )


def test_passages_of_many_sentences_come_first_within_a_query():
    given = [case("a", 2), case("b", 1), case("a", 7), case("a", 5), case("b", 3), case("c", 2)]
    found = [one.doc_id for one in most_sentences_first(given, "english")]
    # First the best of each query, those of most sentences first; seven count as five.
    assert found == ["a7", "b3", "c2", "a5", "b1", "a2"]


def test_texts_are_read_as_they_are_needed(tmp_path):
    qrels = judged({"a": [1] * 100, "b": [1] * 100})
    documents = tmp_path / "documents.parquet"
    qrels.select("doc_id", text=pl.col("doc_id") + " text").write_parquet(documents)
    pairs = spread_pairs(qrels, 0)
    found = list(read_cases(pairs, {"a": "asked"}, {"a": TERM}, documents))
    expected = pairs.filter(query_id="a")["doc_id"].to_list()
    assert found == [Case("a", one, "asked", f"{one} text", TERM) for one in expected]


@pytest.fixture
def others(tmp_path):
    """Relevant passages of a to f, the one of b judged for a too, and one that is not relevant."""
    texts = {one: f"This is {one} of it. Another one of {one} is here. Short." for one in "abcdef"}
    texts["a"] += " " + "word " * 50 + "."
    frame = pl.DataFrame(list(texts.items()), ["doc_id", "text"], orient="row")
    frame.write_parquet(tmp_path / "documents.parquet")
    rows = [(one, one, "relevant") for one in "abcdef"]
    rows += [("a", "b", "non_relevant"), ("b", "f", "non_relevant")]
    qrels = pl.DataFrame(rows, ["query_id", "doc_id", "label"], orient="row")
    qrels = qrels.with_columns(grade=pl.lit(1))
    return OtherSentences(qrels, tmp_path / "documents.parquet", "english", 0)


def test_sentences_are_of_other_queries_each_of_another_passage(others):
    found = others.of(Case("a", "a", "", "", TERM))
    assert len(found) == 4
    owners = sorted(next(one for one in "abcdef" if f" {one} " in f"{text} ") for text in found)
    assert owners == ["c", "d", "e", "f"]  # b's is judged for a
    assert {len(text.split()) for text in found} <= {
        5,
        8,
    }  # neither the scrap alone nor the long one


def test_sentences_differ_from_case_to_case_and_stay_the_same(others):
    cases = [Case("b", f"d{n}", "", "", TERM) for n in range(8)]
    found = [others.of(one) for one in cases]
    assert found == [others.of(one) for one in cases]
    assert len({tuple(texts) for texts in found}) > 4
    # Relevant to another query, but judged for this one.
    assert not any(" f " in text for texts in found for text in texts)
