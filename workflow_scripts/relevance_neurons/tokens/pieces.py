"""The tokens of a pair as one reads them: the pieces of a word without their marks."""

from __future__ import annotations

from collections.abc import Sequence

CONTINUES, SPACE = "##", "▁"
"""What marks a piece that goes on with a word (WordPiece), and a space before it (others)."""
INVISIBLE = "␣"
"""Shown for a token of nothing but space."""


def readable(tokens: Sequence[str], words: Sequence[int | None]) -> list[str]:
    """The texts of ``tokens``, which joined word by word (``words``: their numbers) are the text.

    A special token (no word) loses a mark of space alone.
    """
    found = []
    for place, (token, word) in enumerate(zip(tokens, words, strict=True)):
        goes_on = word is not None and place > 0 and words[place - 1] == word
        text = token.removeprefix(CONTINUES) if goes_on else token
        found.append(text.replace(SPACE, " ").strip() or INVISIBLE)
    return found
