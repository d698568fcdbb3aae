"""The nine classes of the tokens of a pair before and after a perturbation (METHOD, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Container

from relevance_neurons.mechanism.words import is_word, pair_words
from relevance_neurons.rankers.encoding import PASSAGE, EncodedPair

TOKEN_CLASSES = (
    "cls",
    "sep1",
    "sep2",
    "query_term",
    "query_other",
    "injected",
    "passage_term",
    "passage_query",
    "passage_other",
)
"""Special tokens before the query, between the two texts, after the passage; the term in the query
and its other words; words that differ before and after; of the passage's other words the term,
other words of the query, and the rest."""


def token_classes(
    before: EncodedPair,
    after: EncodedPair,
    term_words: Container[str],
    decode: Callable[[list[int]], str],
) -> list[str]:
    """One of ``TOKEN_CLASSES`` for each position of the two pairs, which have as many tokens.

    ``term_words``: normal forms of what the ranker reads for the term. Pieces are merged to words:
    a word is injected if one of its tokens, before or after, is another one. What is punctuation in
    the query is no word that a passage could have.
    """
    injected = _injected(before, after)
    words = pair_words(after, decode)
    asked = {
        words[number]
        for number, field in zip(after.words, after.fields.tolist(), strict=True)
        if number is not None and field != PASSAGE and is_word(words[number])
    }
    fields, special = after.fields.tolist(), after.special.tolist()
    first = next((place for place, one in enumerate(special) if not one), len(special))

    def kind(place: int) -> str:
        if special[place]:
            return "cls" if place < first else ("sep2" if fields[place] == PASSAGE else "sep1")
        word = words[after.words[place]]
        if fields[place] != PASSAGE:
            return "query_term" if word in term_words else "query_other"
        if injected[place]:
            return "injected"
        if word in term_words:
            return "passage_term"
        return "passage_query" if word in asked else "passage_other"

    return [kind(place) for place in range(len(after))]


def _injected(before: EncodedPair, after: EncodedPair) -> list[bool]:
    """Whether a position belongs to a word, before or after, with a token that differs."""
    differs = (before.input_ids != after.input_ids).tolist()
    injected = list(differs)
    for pair in (before, after):
        changed = {word for word, own in zip(pair.words, differs, strict=True) if own}
        for place, word in enumerate(pair.words):
            injected[place] = injected[place] or (word is not None and word in changed)
    return injected
