"""Perturbed passages by hand, and of equal length whatever the tokenizer."""

import numpy as np
import pytest

from relevance_neurons.mechanism.pair_table import version_rows
from relevance_neurons.mechanism.perturbations import (
    Case,
    Version,
    add_sentences,
    append_word,
    passage_sentences,
    repeat_term,
)
from relevance_neurons.mechanism.terms import Term
from relevance_neurons.mechanism.token_lengths import TokenLengths, Unusable
from toys.bert import WORDS
from toys.pair_rankers import KINDS, ranker_of


def case_of(passage: str, surface: str = "wings", query: str = "the wings flow") -> Case:
    return Case("q", "d", query, passage, Term(surface, surface, surface, 1.0, 1))


def lengths_of(kind: str = "WordPiece", max_length: int = 64) -> TokenLengths:
    return TokenLengths(ranker_of(kind, max_length))


def test_the_term_is_put_at_the_end_beside_as_many_fillers():
    # "wings" is two pieces.
    found = append_word(case_of("heat of wings"), "wings", lengths_of())
    assert found == [Version(1, "heat of wings a a", "heat of wings wings", 2)]


def test_levels_of_term_and_pronoun():
    passage = "Heat of the cell. The wings lift the water. Energy of blood."
    found = repeat_term(case_of(passage), lengths_of(), "english")
    sentences = "{} Heat of the cell. {} The it lift the water. {} Energy of blood."
    it, wings = "it a", "wings"
    levels = [
        sentences.format(*words)
        for words in [(it, it, it), (it, it, wings), (it, wings, wings), (wings, wings, wings)]
    ]
    assert [(one.level, one.before, one.after) for one in found] == [
        (level, levels[0], text) for level, text in enumerate(levels)
    ]


def test_at_most_five_sentences_have_the_term():
    found = repeat_term(case_of("The heat of it flows. " * 7, "heat"), lengths_of(), "english")
    assert [one.level for one in found] == [0, 1, 2, 3, 4, 5]
    assert found[5].after == " ".join(["heat The it of it flows."] * 5)


def test_one_sentence_is_too_few():
    with pytest.raises(Unusable, match="fewer than two sentences"):
        repeat_term(case_of("The wings lift."), lengths_of(), "english")


OFF_TOPIC = ["Water of the cell.", "Wings and energy.", "Blood.", "Heat flow.", "Not this."]


def test_sentences_are_added_one_by_one_beside_fillers():
    passage = "Heat of the cell. The wings lift. Energy of wings."
    found = add_sentences(case_of(passage), OFF_TOPIC, lengths_of(), "english")
    added = ["Water of the cell.", "it and energy.", "Blood.", "Heat flow."]
    n_tokens = [5, 4, 2, 3]
    for level, one in enumerate(found):
        n = sum(n_tokens[:level])
        after = " ".join(["The wings lift.", *added[:level]])
        assert one == Version(level, "The wings lift." + " a" * n, after, n)
    assert len(found) == 5


def test_a_passage_without_the_term_has_it_in_front_of_its_first_sentence():
    found = add_sentences(
        case_of("Heat of cells. Energy of blood."), OFF_TOPIC, lengths_of(), "english"
    )
    assert found[0] == Version(0, "wings Heat of cells.", "wings Heat of cells.", 0)


def test_fewer_sentences_are_fewer_levels_and_none_is_told():
    found = add_sentences(case_of("The wings lift."), OFF_TOPIC[:1], lengths_of(), "english")
    assert [one.level for one in found] == [0, 1]
    with pytest.raises(Unusable, match="no sentences"):
        add_sentences(case_of("The wings lift."), [], lengths_of(), "english")


@pytest.mark.parametrize(
    ("passage", "sentences"),
    [
        (
            "Long was it. N.Y. Then came the flood. End.",
            ["Long was it.", "N.Y. Then came the flood. End."],
        ),
        ("天地玄黃。宇宙洪荒。", ["天地玄黃。", "宇宙洪荒。"]),
        ("One.", ["One."]),
    ],
)
def test_scraps_are_no_sentences(passage, sentences):
    assert passage_sentences(passage, "english") == sentences


def tokens_of(lengths: TokenLengths, query: str, passage: str) -> list[int]:
    """By the tokenizer itself, nothing cut."""
    return lengths.tokenizer(query, passage)["input_ids"]


def perturbed(case: Case, lengths: TokenLengths) -> list[list[Version]]:
    return [
        append_word(case, case.term.surface, lengths),
        append_word(case, "energy", lengths),
        repeat_term(case, lengths, "english"),
        add_sentences(case, OFF_TOPIC, lengths, "english"),
    ]


TERMS = ["wing", "wings", "reflowing", "flow", "é", "naïveté"]
PASSAGES = [
    "the wing, wings. The reflowing of the flow! Wing",
    "wings the wings. wing; the flow of wings lifts and flows.",
    "Ünïcode naïveté flows. Flow é the wing of café. Third reflowing wing.",
    "水は流れる。翼 the wing. Крыло flows wings.",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passage", PASSAGES)
@pytest.mark.parametrize("surface", TERMS)
def test_before_and_after_have_as_many_tokens(kind, passage, surface):
    lengths = lengths_of(kind, 512)
    case = case_of(passage, surface, f"the {surface}, flow?")
    for versions in perturbed(case, lengths):
        for one in versions:
            before = tokens_of(lengths, case.query, one.before)
            after = tokens_of(lengths, case.query, one.after)
            assert len(before) == len(after)
            assert (np.array(before) != after).sum() <= one.n_changed
            assert bool(one.level) == (one.before != one.after)


@pytest.mark.parametrize("kind", KINDS)
def test_long_passages_are_shortened_at_a_words_end(kind):
    max_length = {"WordPiece": 32}.get(kind, 64)
    lengths = lengths_of(kind, max_length)
    words = ["the", *WORDS[:12]] * 3
    passage = " ".join(" ".join(words[at : at + 9]) + "." for at in range(0, 36, 9))
    case = case_of(passage, "wing", "the wing")
    for versions in (
        append_word(case, "wing", lengths),
        add_sentences(case, OFF_TOPIC[:1], lengths, "english"),
    ):
        for row in version_rows(case.query, versions, ["wing"], lengths):
            assert row["n_tokens"] <= max_length
    (found,) = append_word(case, "wing", lengths)
    start = found.after.removesuffix(" wing")
    assert passage.startswith(start) and passage[len(start)] == " "
    # No room is given away: with its next word the passage would not fit.
    longer = passage[: passage.find(" ", len(start) + 1)]
    assert lengths.of(case.query, f"{longer} wing") > max_length


def test_no_word_is_cut_within():
    lengths = lengths_of(max_length=11)  # [CLS] heat [SEP], six pieces of eight and the term, [SEP]
    (found,) = append_word(case_of("wing wings reflowing wings", "heat", "heat"), "heat", lengths)
    assert found.after == "wing wings reflowing heat"
    lengths = lengths_of(max_length=10)
    (found,) = append_word(case_of("wing wings reflowing wings", "heat", "heat"), "heat", lengths)
    assert found.after == "wing wings heat"


def test_every_sentence_keeps_its_share_of_the_room():
    lengths = lengths_of(max_length=30)
    long = "The heat of the cell lift the water of blood and energy flow heat."
    found = repeat_term(case_of(" ".join([long] * 3), "wing", "the wing"), lengths, "english")
    assert found[-1].level == 3
    assert len(tokens_of(lengths, "the wing", found[-1].after)) <= 30


def test_a_query_that_fills_the_length_leaves_no_room():
    lengths = lengths_of(max_length=12)
    with pytest.raises(Unusable, match="no room within max_length"):
        append_word(case_of("wing " * 9, "wing", "the wing " * 6), "wing", lengths)


def test_another_filler_pads_where_a_is_two_tokens():
    lengths = lengths_of("byte BPE")  # a blank and a letter are two tokens there, " the" is one
    assert lengths.filler == "the"
    assert lengths.padded("wing", "heat", lengths.of("wing", "heat") + 3) == "heat the the the"


def test_what_cannot_be_padded_is_not_usable():
    lengths = lengths_of()
    with pytest.raises(Unusable, match="no padding gives equal lengths"):
        lengths.padded("wing", "heat heat", lengths.of("wing", "heat"))


@pytest.mark.parametrize(
    ("before", "after", "n_changed", "why"),
    [
        ("heat a a", "heat wing", 9, "different lengths"),
        ("heat a", "heat a", 1, "the same to the ranker"),
        ("heat flow wing a", "wing heat flow wing", 1, "tokens move"),
    ],
)
def test_rows_of_pairs_that_are_not_equal_are_refused(before, after, n_changed, why):
    with pytest.raises(Unusable, match=why):
        version_rows("wing", [Version(1, before, after, n_changed)], ["wing"], lengths_of())


def test_what_is_cut_is_refused():
    texts = ("heat " * 40 + "a", "heat " * 40 + "wing")
    with pytest.raises(Unusable, match="cut"):
        version_rows("wing", [Version(1, *texts, 1)], ["wing"], lengths_of(max_length=32))
