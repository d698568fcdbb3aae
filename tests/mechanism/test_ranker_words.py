"""Words as a ranker reads them: one spelling with the collection's, whatever the tokenizer."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevance_neurons.collections.words import one_spelling, split_words
from relevance_neurons.mechanism.words import (
    Word,
    collection_words,
    is_word,
    pair_words,
    word_of,
    words_in,
)
from toys.pair_rankers import KINDS, ranker_of

# Of characters that Python and polars both know: each has the tables of a Unicode of its own.
KNOWN = st.text(st.characters(exclude_categories=["Cn", "Cs"]))


@given(KNOWN)
def test_a_word_of_the_collection_is_its_own_normal_form(text):
    for word in split_words(pl.Series([text]))[0]:
        assert word_of(word) == word


@given(KNOWN)
def test_one_spelling_is_that_of_columns(text):
    assert split_words(pl.Series([one_spelling(text)]))[0].to_list() == (
        split_words(pl.Series([text]))[0].to_list()
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("(Wing,", "wing"),
        (" Ｗｉｎｇ", "wing"),
        ("don\u2019t!", "don\u2019t"),
        ("İzmir", "izmir"),
        ("co\u00adop", "coop"),
        ("कि।", "कि"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_normal_forms(text, word):
    assert word_of(text) == word


@pytest.mark.parametrize("kind", KINDS)
def test_words_of_a_text_and_where_they_stand(kind):
    text = "wing wings, (wing)"
    found = words_in(text, KINDS[kind]())
    assert [word.written for word in found] == ["wing", "wings", "wing"]
    assert [text[word.start : word.end] for word in found] == ["wing", "wings", "wing"]
    assert [word.read for word in found] == ["wing", "wings", "wing"]


def test_what_the_tokenizer_does_not_know_is_said():
    assert words_in("zzz wing", KINDS["WordPiece"]()) == [
        Word(0, 3, "zzz", "unk", False),
        Word(4, 8, "wing", "wing", True),
    ]


def test_words_of_a_pair_are_merged_pieces():
    ranker = ranker_of("WordPiece")
    (pair,) = ranker.encode([("Wings", "the reflowing wing.")])
    assert pair_words(pair, ranker.tokenizer.decode) == {
        0: "wings", 1: "the", 2: "reflowing", 3: "wing", 4: "."
    }  # fmt: skip


def test_han_characters_are_words_of_their_own():
    texts = pl.Series(["東京タワー Café", "Wing wing", "..."])
    assert collection_words(texts).to_list() == [["東", "京", "タワー", "café"], ["wing"] * 2, []]


def test_punctuation_is_no_word():
    assert [is_word(text) for text in ("a", "7", "字", "?", "", "_")] == [True] * 3 + [False] * 3
