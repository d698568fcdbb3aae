"""The nine classes, in one's own reading."""

import pytest

from relevance_neurons.mechanism.token_classes import TOKEN_CLASSES, token_classes
from toys.pair_rankers import ranker_of

SHORT = dict(zip("c12tqiTQo", TOKEN_CLASSES, strict=True))
"""A letter for each class; capitals: in the passage."""


def classes(query, before, after, term, kind="WordPiece") -> str:
    ranker = ranker_of(kind)
    pairs = ranker.encode([(query, before), (query, after)])
    found = token_classes(*pairs, {term}, ranker.tokenizer.decode)
    letters = {name: letter for letter, name in SHORT.items()}
    return "".join(letters[one] for one in found)


@pytest.mark.parametrize(
    ("query", "before", "after", "term", "expected"),
    [
        # [CLS] the wings . [SEP] heat wing ##s the . wing ##s [SEP]; "wings" is two pieces
        ("the wings.", "heat wings the. a a", "heat wings the. wings", "wings", "cqttq1oTTQoii2"),
        # A word of the query in another form is another word.
        ("wings", "wing lift a a", "wing lift wings", "wings", "ctt1ooii2"),
        # Upper case is no difference to this ranker.
        ("wing flow", "Wing Flow a", "Wing Flow heat", "wing", "ctq1TQi2"),
        # One piece of "wings" is in both: all of both words is injected.
        ("heat", "wing flow", "wings", "heat", "ct1ii2"),
        ("heat", "wings", "wing a", "heat", "ct1ii2"),
        # Nothing differs: level 0.
        ("heat", "heat flow", "heat flow", "heat", "ct1To2"),
        # A term of two words.
        ("heat flow cell", "flow a", "flow heat", "heat", "ctqq1Qi2"),
    ],
)
def test_classes_of_tokens(query, before, after, term, expected):
    assert classes(query, before, after, term) == expected


def test_between_two_separators_both_are_the_first():
    expected = "c" + "tt" + "11" + "TTT" + "iii" + "2"  # w ing, Ġ w ing, Ġ i n→Ġ w ing
    found = classes("wing", " wing the the the", " wing wing", "wing", "byte BPE")
    assert found == expected


def test_pieces_of_sentencepiece_are_merged():
    # ▁wing s | ▁wing s ▁flow, then a word of two tokens
    assert classes(
        "wings", "wings flow flow flow", "wings flow wings", "wings", "SentencePiece"
    ) == ("ctt1TToii2")


def test_a_term_of_two_words_is_both():
    ranker = ranker_of("WordPiece")
    pairs = ranker.encode([("heat flow", "flow a"), ("heat flow", "flow heat")])
    found = token_classes(*pairs, {"heat", "flow"}, ranker.tokenizer.decode)
    assert found == ["cls", "query_term", "query_term", "sep1", "passage_term", "injected", "sep2"]
