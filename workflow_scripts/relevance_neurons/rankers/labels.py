"""Which of a ranker's logits is the relevant one: what its labels say, or the convention."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping

import torch
from torch import nn

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.hub import Place

logger = logging.getLogger(__name__)

CONVENTION = 1
"""The relevant one of two logits, where nothing else is told."""

_RELEVANT = {
    "relevant", "relevance", "entailment", "entailed", "entails", "yes", "true", "positive",
    "pos", "match", "matching", "matched", "duplicate", "paraphrase", "equivalent", "similar",
    "correct", "answer", "good",
}  # fmt: skip
_OTHER = {"no", "false", "negative", "neg", "contradiction", "different", "wrong", "bad"}
_NOT = ("not", "non", "no", "un", "ir", "in", "dis", "mis")
_NUMBER = re.compile(r"(label)?([01])")
"""What is written where nobody gave a name; it tells only where no word does."""


def relevant_logit(place: Place, written: Mapping, n_logits: int, given: int | None = None) -> int:
    """The index of the relevant one of a ranker's logits; the log says which it is, and why.

    ``written`` is what the config.json says, ``given`` what the user does (None: nothing). Raises
    ``UserError`` for an index that is none, and for a single logit that is called non-relevant.
    """
    if given is not None and given not in range(n_logits):
        raise UserError(
            f"reranker.relevant_index: {given!r} was found; of a ranker with {n_logits} "
            f"logit{'s' * (n_logits - 1)} it may be {' or '.join(map(str, range(n_logits)))}"
        )
    labels = _labels(place, written)
    if n_logits == 1:
        _check_only_logit(place, labels, given)
        return 0
    index, why, expected = _choice(labels, given)
    named = ", ".join(f"{number} {word}" for number, word in labels) or "none"
    level = logging.INFO if expected else logging.WARNING
    text = "%s: logit %d is taken as the relevant one: %s (labels: %s)"
    logger.log(level, text, place.where, index, why, named)
    return index


def _choice(labels: list[tuple[int, str]], given: int | None) -> tuple[int, str, bool]:
    """The relevant logit of two, why, and whether that is what one would expect."""
    words, numbers = set(_by_words(labels)), set(_by_numbers(labels))
    if given is not None:
        if words - {given}:
            return given, "relevant_index says so, though the labels say otherwise", False
        return given, "relevant_index says so", True
    mend = "set relevant_index under reranker if it is the other"
    if any(index not in (0, 1) for index, _ in labels):
        return CONVENTION, f"by convention, for its labels are not of 0 and 1; {mend}", False
    told = words or (numbers if numbers == {1 - CONVENTION} else set())
    if len(told) == 1:
        index = told.pop()
        return index, "its labels say so", index == CONVENTION
    if told:
        return CONVENTION, f"by convention, for its labels contradict each other; {mend}", False
    if not labels or numbers == {CONVENTION}:
        return CONVENTION, "by convention, for its labels have no names", True
    return CONVENTION, f"by convention, for the words of its labels are unknown; {mend}", False


def _check_only_logit(place: Place, labels: list[tuple[int, str]], given: int | None) -> None:
    others = [word for index, word in labels if index == 0 and set(_by_words([(0, word)])) == {1}]
    if others and given is None:
        raise UserError(
            f"{place.where}: its only logit is called {others[0]}; if it grows with relevance all "
            "the same, write relevant_index: 0 under reranker, else take another ranker"
        )


def say_margins(place: Place, written: Mapping) -> None:
    """Tell the log of a ranker whose scores have no zero: sentence-transformers writes it down."""
    theirs = written.get("sentence_transformers")
    activation = (theirs if isinstance(theirs, dict) else {}).get("activation_fn") or written.get(
        "sbert_ce_default_activation_function"
    )
    if str(activation).endswith("Identity"):
        text = "%s: its config names no sigmoid (%s): p(relevant) of 0.5 may mean nothing to it"
        logger.info(text, place.where, activation)


def put_relevant_last(network: nn.Module, place: Place) -> None:
    """Turn the two logits of ``network``, in place, so that they are (non-relevant, relevant).

    Raises ``UserError`` where they are not the outputs of a linear module.
    """
    heads = [one for one in network.modules() if getattr(one, "out_features", None) == 2]
    before = _some_logits(network)
    with torch.no_grad():
        for weights in heads[-1].parameters() if heads else ():
            weights.copy_(weights.flip(0))
    if not heads or not torch.allclose(_some_logits(network), before.flip(-1), atol=1e-5):
        raise UserError(
            f"{place.where}: the two logits of a {type(network).__name__} cannot be turned, for no "
            "linear module puts them out; take a ranker whose logit 1 is the relevant one"
        )
    first, second = (str(network.config.id2label.get(index, f"LABEL_{index}")) for index in (0, 1))
    network.config.id2label = {0: second, 1: first}
    network.config.label2id = {second: 0, first: 1}


@torch.no_grad()
def _some_logits(network: nn.Module) -> torch.Tensor:
    tokens = torch.arange(8)[None] % network.config.vocab_size
    return network(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits


def _labels(place: Place, written: Mapping) -> list[tuple[int, str]]:
    """All that id2label and label2id of a config.json say: index and word."""
    found = set()
    for key, turned in (("id2label", False), ("label2id", True)):
        try:
            for pair in dict(written.get(key) or {}).items():
                index, word = reversed(pair) if turned else pair
                found.add((int(index), str(word)))
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{place.where}: {key} in config.json is {written[key]!r}; it must map "
                f"{'words to indices' if turned else 'indices to words'}"
            ) from error
    return sorted(found)


def _by_words(labels: list[tuple[int, str]]) -> Iterator[int]:
    for index, name in labels:
        word = _plain(name)
        negated = any(word.removeprefix(one) in _RELEVANT for one in _NOT if word.startswith(one))
        if word in _RELEVANT:
            yield index
        elif word in _OTHER or negated:
            yield 1 - index


def _by_numbers(labels: list[tuple[int, str]]) -> Iterator[int]:
    for index, name in labels:
        if found := _NUMBER.fullmatch(_plain(name)):
            yield index if found[2] == "1" else 1 - index


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.lower()).removeprefix("is")
