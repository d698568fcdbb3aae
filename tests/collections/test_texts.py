"""Texts on one line; those in which nothing can be seen are none."""

import pytest

from relevance_neurons.collections.texts import one_line


def test_one_line():
    assert one_line(" a\r\n\tb\u2028c\u00a0 d\x1ce ") == "a b c d e"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\n\u3000\u00a0",
        "\u200b",  # zero-width space
        "\ufeff \u2060",  # byte order mark, word joiner
        "\u00ad\u200c\u200d",  # soft hyphen, non-joiner, joiner
        "\0\x07\x1b\x9f",
        "\u202e\u2066\u2069",  # direction
        "\u3164\u115f\u1160\uffa0",  # Hangul fillers
        "\u2800",  # a Braille cell without dots
        "\ufe0f\U000e0101\u034f",  # selectors without what they select
        "\U000e0041",  # a tag
    ],
)
def test_nothing_to_see(text):
    assert one_line(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",
        "क्\u200dष",
        "co\u00adop",
        "\u200bword\ufeff",
        "❤\ufe0f",
        "¿",
        "\U000f0000",
        "語",
    ],
)
def test_what_can_be_seen_stays_as_it_is(text):
    assert one_line(text) == text
