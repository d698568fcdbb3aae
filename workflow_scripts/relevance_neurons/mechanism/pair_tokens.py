"""Which word each token of a pair is of, and how often the query's words are in the passage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from relevance_neurons.mechanism.words import is_word, pair_words
from relevance_neurons.rankers.encoding import PASSAGE, QUERY, EncodedPair


@dataclass(frozen=True)
class PairTokens:
    """A pair as it is read here; places count its tokens from 0, special ones too.

    ``words``: each token's word in normal form, None for special tokens. ``query``, ``passage``:
    the places of the query's and the passage's tokens without special ones. ``start``: of the
    passage's first token; without a passage it is ``n_tokens``. ``tf``: how often a word is in the
    passage, in words. ``n_passage_words``: the passage's words, without punctuation.
    """

    n_tokens: int
    words: tuple[str | None, ...]
    query: tuple[int, ...]
    passage: tuple[int, ...]
    start: int
    tf: Counter[str]
    n_passage_words: int

    @classmethod
    def of(cls, pair: EncodedPair, decode: Callable[[list[int]], str]) -> PairTokens:
        """``decode`` makes a text of token ids, as the tokenizer's own."""
        texts, fields = pair_words(pair, decode), pair.fields.tolist()
        words = tuple(None if number is None else texts[number] for number in pair.words)
        query, passage = (
            tuple(i for i, word in enumerate(words) if word is not None and fields[i] == part)
            for part in (QUERY, PASSAGE)
        )
        numbers = {pair.words[place] for place in passage}
        tf = Counter(texts[number] for number in sorted(numbers))
        n_words = sum(n for word, n in tf.items() if is_word(word))
        start = passage[0] if passage else len(pair)
        return cls(len(pair), words, query, passage, start, tf, n_words)

    @cached_property
    def matched(self) -> list[str]:
        """The query's different words that are in the passage, in order; no punctuation."""
        asked = dict.fromkeys(self.words[place] for place in self.query)
        return [word for word in asked if self.tf[word] and is_word(word)]

    def places_of(self, word: str, places: tuple[int, ...]) -> list[int]:
        """Those of ``places`` whose token is of ``word``."""
        return [place for place in places if self.words[place] == word]
