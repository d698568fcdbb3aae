"""The rarest word of a query."""

import polars as pl
import pytest

from relevance_neurons.mechanism.terms import choose_terms
from toys.pair_rankers import KINDS


@pytest.fixture
def counts(tmp_path):
    rows = {
        "the": 1,
        "wing": 9,
        "wings": 4,
        "flow": 4,
        "heat": 2,
        "1989": 1,
        "x": 1,
        "zzz": 1,
        "if": 1,
    }
    frame = pl.DataFrame({"word": list(rows), "n_documents": list(rows.values())})
    frame = frame.with_columns(idf=10.0 - pl.col("n_documents"))
    frame.write_parquet(tmp_path / "counts.parquet")
    return tmp_path / "counts.parquet"


def terms(texts, counts, kind="WordPiece", **options):
    queries = pl.DataFrame({"query_id": [f"q{n}" for n in range(len(texts))], "text": texts})
    return choose_terms(queries, counts, KINDS[kind](), **options)


@pytest.mark.parametrize(
    ("kind", "text", "surface"),
    [
        ("WordPiece", "The wing (Wings) in 1989 x", "Wings"),
        ("byte BPE", "The wing (Wings) in 1989 x", "Wings"),
        ("SentencePiece", "the wing wings, x", "wings"),  # its toy knows no capital letters
    ],
)
def test_the_rarest_word_that_is_no_stop_word(counts, kind, text, surface):
    assert terms([text], counts, kind)["q0"] == ("wings", "wings", surface, 6.0, 4)


def test_no_word_that_the_ranker_does_not_know_or_no_document_has(counts):
    assert terms(["zzz wing", "energy", "zzz", "the"], counts).keys() == {"q0"}
    assert terms(["zzz wing"], counts)["q0"].word == "wing"


def test_other_languages_have_no_stop_words(counts):
    assert terms(["if wing"], counts)["q0"].word == "wing"
    assert terms(["if wing"], counts, "byte BPE", language="french")["q0"].word == "if"


def test_what_pads_is_no_term_in_any_language(counts):
    assert terms(["the wing"], counts, language="french")["q0"].word == "wing"


def test_a_word_that_is_there_twice_is_written_as_at_first(counts):
    assert terms(["Wings and wings"], counts)["q0"].surface == "Wings"


def test_ties_are_drawn_by_seed_and_query_alone(counts):
    texts = ["wings flow"] * 40
    many = terms(texts, counts)
    assert {term.word for term in many.values()} == {"wings", "flow"}
    assert terms(texts[:3], counts) == {key: many[key] for key in ("q0", "q1", "q2")}
    assert terms(texts, counts, seed=1) != many
