"""The words of a text as BM25 counts them: of any script, stemmed by language.

Words are runs of Unicode letters, marks and digits, in lower case after normalisation (NFKC), as
Snowball's stemmer of the language leaves them. What cannot be seen, such as a soft hyphen or a
joiner, is no part of a word. Scripts that put no spaces between words give pieces: every two
neighbouring characters of a run, as Lucene does for Chinese, Japanese and Korean.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cached_property

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.running.extras import extra

with extra("retrieval"):
    import Stemmer

NO_STEMS = "none"
"""The language of which nothing is known: neither stems nor stop words."""

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]"
_FIRST, _FURTHER = r"[\p{L}\p{N}]", r"[\p{L}\p{M}\p{N}]"
_PIECES = f"[{_FIRST}&&{_UNSPACED}][{_FURTHER}&&{_UNSPACED}]*"
_WORD = f"{_PIECES}|[{_FIRST}--{_UNSPACED}][{_FURTHER}--{_UNSPACED}]*"
# Soft hyphens, joiners, selectors of variants; the dot that is left of a lower-case İ.
_UNSEEN = "[\u00ad\u200b-\u200d\u2060\ufeff\ufe00-\ufe0f\u20e3\U000e0100-\U000e01ef]"
_DOT = "i\u0307+"


class Analyser:
    """What becomes of a text for BM25. ``language`` is one of ``languages()``.

    Terms come as ASCII letters and digits, which every engine takes as they are: a word with
    others is written as the hexadecimal numbers of its UTF-8 bytes, between ``0x`` and ``0``.

    Raises ``UserError`` for an unknown language.
    """

    def __init__(self, language: str = "english") -> None:
        if language not in languages():
            raise UserError(
                f"bm25: language {language!r} has no stemmer; allowed: {', '.join(languages())}"
            )
        self.language = language

    def documents(self, texts: pl.Series) -> pl.Series:
        """The terms of each text, separated by spaces; "" where it has no word."""
        return self._lines(self._words(texts))

    def queries(self, texts: pl.Series) -> pl.Series:
        """The same, without the stop words of the language (of English: Terrier's list)."""
        kept = pl.element().filter(~pl.element().is_in(self._stop_words))
        return self._lines(self._words(texts).list.eval(kept))

    def _words(self, texts: pl.Series) -> pl.Series:
        if self.language == "turkish":  # where I and İ are two letters
            texts = texts.str.replace_all("I", "ı").str.replace_all("İ", "i")
        return split_words(texts)

    def _lines(self, texts: pl.Series) -> pl.Series:
        """The terms of each text, a list of words."""
        words = pl.DataFrame({"word": texts}).with_row_index("row")
        words = words.explode("word").drop_nulls("word")
        lines = (
            words.join(self._terms(words["word"].unique()), on="word", maintain_order="left")
            .group_by("row", maintain_order=True)
            .agg(pl.col("terms").str.join(" "))
        )
        rows = pl.DataFrame({"row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True)})
        return rows.join(lines, on="row", how="left", maintain_order="left")["terms"].fill_null("")

    def _terms(self, words: pl.Series) -> pl.DataFrame:
        """Each of the different ``words`` and its terms."""
        cut = words.str.contains(_PIECES)
        terms = [
            " ".join(map(_in_ascii, _pairs(word) if in_pieces else [self._stem(word)]))
            for word, in_pieces in zip(words, cut, strict=True)
        ]
        return pl.DataFrame({"word": words, "terms": pl.Series(terms, dtype=pl.String)})

    @cached_property
    def _stem(self) -> Callable[[str], str]:
        return stemmer(self.language)

    @cached_property
    def _stop_words(self) -> list[str]:
        return stop_words(self.language)


def languages() -> list[str]:
    """Those that Snowball has a stemmer for, and ``none``."""
    return [NO_STEMS, *Stemmer.algorithms()]


def stemmer(language: str) -> Callable[[str], str]:
    """What gives the stem of a word in lower case, by Snowball's rules of ``language``."""
    if language == NO_STEMS:
        return str
    return Stemmer.Stemmer(language).stemWord


def stop_words(language: str) -> list[str]:
    """The stop words of ``language``: of English Terrier's list, of others none."""
    if language != "english":
        return []
    with extra("retrieval"):  # it takes a second, and is nowhere else
        from pyterrier_pisa.stopwords import _STOPWORDS

    return list(_STOPWORDS["terrier"])


def split_words(texts: pl.Series) -> pl.Series:
    """The words of each text, in lower case and one spelling, without what cannot be seen."""
    lower = texts.str.normalize("NFKC").str.to_lowercase().str.normalize("NFKC")
    seen = lower.str.replace_all(_UNSEEN, "").str.replace_all(_DOT, "i")
    # Once more: a mark may stand behind another letter now.
    return seen.str.normalize("NFKC").str.extract_all(_WORD)


def one_spelling(text: str) -> str:
    """``text`` as ``split_words`` spells it: the same steps, for a text that is no column."""
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    return unicodedata.normalize("NFKC", re.sub(_DOT, "i", re.sub(_UNSEEN, "", lower)))


def has_word(texts: pl.Series) -> bool:
    """Whether a word is in any of ``texts``."""
    return texts.str.contains(_WORD).any()


def foreign_share(texts: pl.Series) -> float:
    """Share of the words with a letter that is not of A to Z, of those that may be stemmed."""
    words = split_words(texts).explode().drop_nulls()
    stemmed = words.filter(~words.str.contains(_PIECES))
    return stemmed.str.contains(r"[^a-z0-9]").mean() or 0.0


def _pairs(run: str) -> list[str]:
    """Every two neighbouring characters; a character that is alone."""
    return [run[start : start + 2] for start in range(max(1, len(run) - 1))]


def _in_ascii(term: str) -> str:
    # The digit at the end keeps stemmers of engines away. An ASCII word that looks like one of
    # these is written so too: no two terms become one.
    if term.isascii() and not term.startswith("0x"):
        return term
    return f"0x{term.encode().hex()}0"
