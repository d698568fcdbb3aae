"""Texts of a given number of tokens: padded, or cut at a word's end, by the ranker's tokenizer.

Tokens are counted in the pair itself: what a word costs depends on what stands before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cached_property

from relevance_neurons.rankers.reranker import Reranker

logger = logging.getLogger(__name__)

FILLERS = ("a", "the", "of", ".", ",", "-")
"""What pads: the paper's "a", else the first of the others that is one token behind a blank."""
PRONOUN = "it"
"""What stands for the term where it is taken out."""
SHORTEST = 3
"""Tokens of a text below which it is not cut: less is no passage."""


class Unusable(Exception):
    """Why no pair can be made of a passage, in words that a message can count."""


class TokenLengths:
    """How many tokens texts have in a pair that ``reranker`` reads."""

    def __init__(self, reranker: Reranker) -> None:
        self.reranker, self.tokenizer = reranker, reranker.tokenizer
        self.max_length = reranker.max_length

    def of(self, query: str, passage: str) -> int:
        """Tokens of the pair, special ones too, however many the ranker takes."""
        return len(self.tokenizer(query, passage, verbose=False)["input_ids"])

    @cached_property
    def filler(self) -> str:
        """The word that pads: one token each, as far as the vocabulary has such a one."""
        alone = self.of("", "wing")
        for filler in FILLERS:
            if [self.of("", "wing" + f" {filler}" * n) - alone for n in (1, 2, 5)] == [1, 2, 5]:
                if filler != FILLERS[0]:
                    logger.info(
                        "%r is not one token to the ranker: %r pads in its place",
                        FILLERS[0],
                        filler,
                    )
                return filler
        return FILLERS[0]

    def padding(self, n: int) -> str:
        """``n`` fillers, a blank before each."""
        return f" {self.filler}" * n

    def padded(self, query: str, passage: str, n_tokens: int) -> str:
        """``passage`` with fillers at its end, so that the pair has ``n_tokens`` tokens.

        Raises ``Unusable`` where no number of them gives it.
        """
        n_fillers = missing = n_tokens - self.of(query, passage)
        for _ in range(8):
            if n_fillers < 0:
                break
            found = passage + self.padding(n_fillers)
            missing = n_tokens - self.of(query, found)
            if not missing:
                return found
            n_fillers += missing
        raise Unusable("no padding gives equal lengths")

    def fitted(
        self, query: str, texts: Sequence[str], build: Callable[[Sequence[str]], str]
    ) -> list[str]:
        """``texts``, the longest cut at a word's end until ``build(texts)`` is read whole.

        Raises ``Unusable`` where less than ``SHORTEST`` tokens of each would be left.
        """
        fitted = list(texts)
        lengths = [self._alone(text) for text in fitted]
        while (excess := self.of(query, build(fitted)) - self.max_length) > 0:
            most = _shortened_to(lengths, excess)
            if most < SHORTEST:
                raise Unusable("no room within max_length")
            for place, length in enumerate(lengths):
                if length > most:
                    fitted[place] = self._cut(fitted[place], most)
                    lengths[place] = min(self._alone(fitted[place]), most)
        return fitted

    def _alone(self, text: str) -> int:
        encoding = self.tokenizer(text, add_special_tokens=False, verbose=False)
        return len(encoding["input_ids"])

    def _cut(self, text: str, n_tokens: int) -> str:
        """The beginning of ``text`` of at most ``n_tokens`` tokens, up to a word's end.

        That is a blank; in a text without one it is any token's end.
        """
        encoding = self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        ends = [end for _, end in encoding["offset_mapping"][:n_tokens]]
        at_blanks = [end for end in ends if text[end : end + 1].isspace()]
        cut = text[: max(at_blanks or ends)].rstrip()
        if not cut:
            raise Unusable("no room within max_length")
        return cut


def _shortened_to(lengths: Sequence[int], excess: int) -> int:
    """The length to which longer ones are cut, so that at least ``excess`` tokens go."""
    most = max(lengths)
    while most > 0 and sum(max(0, length - most) for length in lengths) < excess:
        most -= 1
    return most
