"""The words of a ranker: what its tokenizer keeps together, spelt as a collection's words are.

A tokenizer says which pieces belong to one word; of a kind that splits at spaces alone that word
may be "wing," or "(wing". Its normal form is that of ``collections.words.split_words``, so that it
is found among the collection's words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from relevance_neurons.attribution.token_kinds import texts_of_words
from relevance_neurons.collections.words import one_spelling, split_words

if TYPE_CHECKING:
    from relevance_neurons.rankers.encoding import EncodedPair

_HAN = r"\p{Han}"


class Word(NamedTuple):
    """A word in a text: its place there, and what it is.

    ``start`` and ``end``: between which characters it stands, without punctuation at its ends.
    ``written``: these characters in normal form, as the collection's words are counted. ``read``:
    the normal form of what the ranker reads (an uncased BERT reads "cafe" for "café"); two words
    are the same to it where this is equal. ``is_known``: no piece of it is the unknown token.
    """

    start: int
    end: int
    written: str
    read: str
    is_known: bool


@lru_cache(maxsize=1 << 16)
def word_of(text: str) -> str:
    """The normal form of a word: NFKC, lower case, without punctuation at its ends.

    Of a word with neither letter nor digit it is the text without white space at its ends.
    """
    spelt = one_spelling(text).strip()
    start, end = _core(spelt)
    return spelt[start:end] or spelt


def is_word(text: str) -> bool:
    """Whether a letter or digit is in ``text``: not so in punctuation."""
    start, end = _core(text)
    return start < end


def collection_words(texts: pl.Series) -> pl.Series:
    """The words of each text as a collection's are counted, a list of them, repeated ones too.

    Those of ``split_words``, but every Han character by itself, as BERT's tokenizers read them.
    """
    words = split_words(texts)
    if not texts.str.contains(_HAN).any():
        return words
    return words.list.eval(
        pl.element().str.extract_all(rf"{_HAN}|[^{_HAN}]+").explode(empty_as_null=False)
    )


def reading(tokenizer) -> Callable[[str], str]:
    """What gives the normal form in which a fast ``tokenizer`` reads a collection's word.

    An uncased BERT reads "cafe" for "café".
    """
    normalizer = tokenizer.backend_tokenizer.normalizer
    return str if normalizer is None else lambda word: word_of(normalizer.normalize_str(word))


def pair_words(pair: EncodedPair, decode: Callable[[list[int]], str]) -> dict[int, str]:
    """Each word's number in ``pair.words`` -> its normal form, its pieces together."""
    texts = texts_of_words(pair.input_ids.tolist(), pair.words, decode)
    return {number: word_of(text) for number, text in texts.items()}


def words_in(text: str, tokenizer) -> list[Word]:
    """The words of ``text``, in their order, as a fast ``tokenizer`` keeps pieces together.

    What has neither letter nor digit is left out.
    """
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    pieces: dict[int, list[int]] = {}
    for place, number in enumerate(encoding.word_ids(0)):
        pieces.setdefault(number, []).append(place)
    ids, offsets = encoding["input_ids"], encoding["offset_mapping"]
    found = (_word(text, places, ids, offsets, tokenizer) for places in pieces.values())
    return [word for word in found if word is not None]


def _word(
    text: str, places: list[int], ids: Sequence[int], offsets: Sequence[tuple[int, int]], tokenizer
) -> Word | None:
    first = min(offsets[place][0] for place in places)
    own = text[first : max(offsets[place][1] for place in places)]
    start, end = _core(own)
    if start >= end:
        return None
    own_ids = [ids[place] for place in places]
    read = word_of(tokenizer.decode(own_ids))
    is_known = tokenizer.unk_token_id not in own_ids
    return Word(first + start, first + end, word_of(own[start:end]), read, is_known)


def _core(text: str) -> tuple[int, int]:
    """From the first letter or digit to behind the last one, or the last mark that follows it."""
    start, end = 0, len(text)
    while start < end and unicodedata.category(text[start])[0] not in "LN":
        start += 1
    while end > start and unicodedata.category(text[end - 1])[0] not in "LMN":
        end -= 1
    return start, end
