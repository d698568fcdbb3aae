"""The perturbations of a passage, each beside a baseline of as many tokens (METHOD, section 4).

TFC1: the term is put at the end. STMC1: a related word is. TFC2: each of its sentences has the term
in front, or a pronoun. LNC2: sentences about other things follow. Axioms: Fang and Zhai's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relevance_neurons.collections.sentences import split_sentences
from relevance_neurons.mechanism.terms import Term
from relevance_neurons.mechanism.token_lengths import FILLERS, PRONOUN, TokenLengths, Unusable
from relevance_neurons.mechanism.words import words_in

PERTURBATIONS = ("TFC1", "STMC1", "TFC2", "LNC2")
OWN = "own"
"""The perturbation of pairs that the user gives."""
MAX_SENTENCES = 5
"""Of a passage, for TFC2."""
MAX_OFF_TOPIC = 4
"""Sentences about other things, for LNC2."""
_SCRAP = (3, 15)
"""Words and characters below which a sentence is none: rules of splitting err at abbreviations."""


@dataclass(frozen=True)
class Case:
    """A passage of a query, and the query's term."""

    query_id: str
    doc_id: str
    query: str
    passage: str
    term: Term


@dataclass(frozen=True)
class Version:
    """A level of a perturbation: the passage before and after it, with as many tokens.

    ``n_changed``: in how many tokens the two may differ at most; more would mean that what stands
    between them has moved.
    """

    level: int
    before: str
    after: str
    n_changed: int


def append_word(case: Case, word: str, lengths: TokenLengths) -> list[Version]:
    """TFC1 (``word`` is the term) or STMC1: the passage and the word; the passage and fillers.

    Raises ``Unusable`` where the tokenizer gives no baseline of as many tokens, or where the word
    does not fit.
    """
    (passage,) = lengths.fitted(case.query, [case.passage], lambda texts: f"{texts[0]} {word}")
    after = f"{passage} {word}"
    n_tokens = lengths.of(case.query, after)
    before = lengths.padded(case.query, passage, n_tokens)
    return [Version(1, before, after, n_tokens - lengths.of(case.query, passage))]


def repeat_term(case: Case, lengths: TokenLengths, language: str) -> list[Version]:
    """TFC2: up to five sentences, each with the term in front; level: how many have it.

    The other ones, the first of them, have the pronoun in front, padded to the term's tokens. The
    term's own occurrences in the sentences are replaced by the pronoun too, so that a level is the
    number of all occurrences. Raises ``Unusable`` for a passage of one sentence, and as
    ``append_word``.
    """
    sentences = passage_sentences(case.passage, language)[:MAX_SENTENCES]
    if len(sentences) < 2:
        raise Unusable("fewer than two sentences")
    surface = case.term.surface
    sentences = [without_term(sentence, case.term, lengths) for sentence in sentences]
    sentences = lengths.fitted(
        case.query, sentences, lambda texts: _in_front([surface] * len(texts), texts)
    )
    slots = [surface] * len(sentences)
    pronouns = [_pronoun(case, slots, sentences, place, lengths) for place in range(len(slots))]
    n_changed = lengths.of(case.query, _in_front(slots, sentences))
    n_changed += len(slots) - lengths.of(case.query, " ".join(sentences))
    texts = [
        _in_front([*pronouns[: len(slots) - level], *slots[len(slots) - level :]], sentences)
        for level in range(len(slots) + 1)
    ]
    return [Version(level, texts[0], text, n_changed) for level, text in enumerate(texts)]


def add_sentences(
    case: Case, off_topic: Sequence[str], lengths: TokenLengths, language: str
) -> list[Version]:
    """LNC2: a sentence with the term, and the first 0 to 4 of ``off_topic``; level: how many.

    The sentence is the passage's first that has the term; where none has it, its first one with the
    term in front. In ``off_topic`` the term is replaced by the pronoun. The baseline has fillers.
    Raises ``Unusable`` where ``off_topic`` is empty, and as ``append_word``.
    """
    if not off_topic:
        raise Unusable("no sentences of passages of other queries")
    added = [without_term(one, case.term, lengths) for one in off_topic[:MAX_OFF_TOPIC]]
    first = _sentence_with_term(case, lengths, language)
    first, *added = lengths.fitted(case.query, [first, *added], " ".join)
    n_own = lengths.of(case.query, first)
    versions = []
    for level in range(len(added) + 1):
        after = " ".join([first, *added[:level]])
        n_tokens = lengths.of(case.query, after)
        before = lengths.padded(case.query, first, n_tokens)
        versions.append(Version(level, before, after, n_tokens - n_own))
    return versions


def passage_sentences(passage: str, language: str) -> list[str]:
    """The sentences of ``passage``; a scrap ("N.Y.", "3105.") goes with what follows, or precedes.

    A scrap has fewer than three words and 15 characters; where nothing is written with blanks there
    are none.
    """
    joined: list[str] = []
    for sentence in split_sentences(passage, language):
        if joined and _is_scrap(joined[-1]):
            joined[-1] = f"{joined[-1]} {sentence}"
        else:
            joined.append(sentence)
    if len(joined) > 1 and _is_scrap(joined[-1]):
        joined[-2:] = [" ".join(joined[-2:])]
    return joined if " " in passage else split_sentences(passage, language)


def _is_scrap(sentence: str) -> bool:
    return len(sentence.split()) < _SCRAP[0] and len(sentence) < _SCRAP[1]


def without_term(text: str, term: Term, lengths: TokenLengths) -> str:
    """``text`` with the pronoun for every word that the ranker reads as the term."""
    for word in reversed(words_in(text, lengths.tokenizer)):
        if word.read == term.read:
            text = text[: word.start] + PRONOUN + text[word.end :]
    return text


def _sentence_with_term(case: Case, lengths: TokenLengths, language: str) -> str:
    sentences = passage_sentences(case.passage, language)
    for sentence in sentences:
        if any(word.read == case.term.read for word in words_in(sentence, lengths.tokenizer)):
            return sentence
    return f"{case.term.surface} {sentences[0]}"


def _in_front(words: Sequence[str], sentences: Sequence[str]) -> str:
    return " ".join(f"{word} {one}" for word, one in zip(words, sentences, strict=True))


def _pronoun(
    case: Case, slots: Sequence[str], sentences: Sequence[str], place: int, lengths: TokenLengths
) -> str:
    """What stands for the term before a sentence: the pronoun and fillers, of as many tokens.

    Where the pronoun alone has more tokens than the term, fillers stand alone.
    """
    n_tokens = lengths.of(case.query, _in_front(slots, sentences))

    def missing(word: str) -> int:
        words = [*slots[:place], word, *slots[place + 1 :]]
        return n_tokens - lengths.of(case.query, _in_front(words, sentences))

    for start in (PRONOUN, lengths.filler, *FILLERS):
        for n_fillers in range(missing(start) + 1):
            found = start + lengths.padding(n_fillers)
            if not missing(found):
                return found
    raise Unusable("no padding of the pronoun gives equal lengths")
