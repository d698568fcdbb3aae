"""LIME (Ribeiro et al. 2016): a linear model of what happens as words are taken out, by Captum.

``legacy`` is what the public code of the information-bottleneck paper makes of the original's
text explainer (METHOD, section 3); which tokens stand for what is in ``lime_words.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan

import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import LimeBase

from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.keyed_draws import generator_of
from relevance_neurons.tokens.label_values import are_relevant, label_values, logits_of
from relevance_neurons.tokens.lime_words import Words, legacy_words, whole_words
from relevance_neurons.tokens.methods import settings_of
from relevance_neurons.tokens.removal import say_what_masks, without

KERNEL_WIDTH = 25.0
"""Of the original, for cosine distances times 100."""
ALPHA = 1.0
"""Of the original's ridge regression."""


def scores(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    labels: Sequence[str],
    *,
    target: str = "probability",
    n_samples: int | None = None,
    seed: int = 0,
    legacy: bool = False,
    memory: Memory | None = None,
) -> Iterator[tuple[TokenCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_tokens,), in the order given.

    Words of query and passage are taken out (their pieces become [MASK]) in ``n_samples`` (200)
    ways; F is the ``target`` of the pair's label. A word's coefficient stands on all its pieces,
    special tokens have 0. ``legacy``: 75 ways, words are deleted wherever they stand, and a token
    that is no word by itself gets the largest coefficient.
    """
    n_samples = n_samples or settings_of("lime", legacy)["n_samples"]
    if not legacy:
        say_what_masks(reranker.tokenizer)
    memory = memory or reranker.memory()
    for row, pair in enumerate(reranker.encode(pairs)):
        words = legacy_words(reranker, pair) if legacy else whole_words(pair)
        draws = samples_of(len(words), n_samples, generator_of(seed, pairs[row], "LIME"))
        evaluation = _Evaluation(reranker, pair, words, labels[row], target, memory)
        yield evaluation.explain(row, draws)


def samples_of(n_words: int, n_samples: int, random: np.random.Generator) -> np.ndarray:
    """Which words stay in each sample: bool, shape (n_samples, n_words); in the first one, all.

    As the original draws: how many go is uniform from 1 to all, and then which.
    """
    stays = np.ones((n_samples, n_words), dtype=bool)
    for row in stays[1:] if n_words else ():
        row[random.choice(n_words, random.integers(1, n_words + 1), replace=False)] = False
    return stays


def nearness(stays: torch.Tensor) -> torch.Tensor:
    """The original's weights of samples (n_samples, n_words), shape (n_samples,).

    The root of an exponential kernel over 100 × the cosine distance to the sample with all words.
    """
    distance = 100 * (1 - stays.double().mean(dim=1).sqrt())
    return torch.exp(-((distance / KERNEL_WIDTH) ** 2)).sqrt()


class _Evaluation:
    """One pair, and what its perturbations give."""

    def __init__(
        self,
        reranker: Reranker,
        pair: EncodedPair,
        words: Words,
        label: str,
        target: str,
        memory: Memory,
    ) -> None:
        self.reranker, self.pair, self.words, self.memory = reranker, pair, words, memory
        self.label, self.target = label, target
        self.whole = self.p_label = nan

    def explain(self, row: int, draws: np.ndarray) -> tuple[TokenCheck, np.ndarray]:
        """The check and the scores from the samples, bool, shape (n_samples, n_words)."""
        model = SkLearnRidge(alpha=ALPHA)
        lime = LimeBase(
            self._changes,
            model,
            similarity_func=lambda _whole, _taken, stays: nearness(stays),
            perturb_func=lambda _whole: (yield from torch.from_numpy(draws)[:, None]),
            perturb_interpretable_space=True,
            from_interp_rep_transform=lambda stays, _whole: stays,
            to_interp_rep_transform=None,
        )
        whole = torch.ones((1, draws.shape[1]), dtype=torch.bool)
        if draws.shape[1]:
            arguments = {"n_samples": len(draws), "perturbations_per_eval": len(draws)}
            coefficients = lime.attribute(whole, **arguments).flatten().double().numpy()
            predicted = self.whole + model(whole.float()).item()
        else:  # nothing but what LIME does not take for words
            self._changes(whole)
            coefficients, predicted = np.empty(0), self.whole
        found = self.words.scores(coefficients)
        known = (self.p_label, self.whole, predicted, float(len(draws)))
        return TokenCheck(row, len(self.pair), self.pair.is_cut, *known), found

    def _changes(self, stays: torch.Tensor) -> torch.Tensor:
        """F of each sample less F of the first, the whole pair: Captum rounds to float32."""
        taken = [self.words.positions(row) for row in ~stays.numpy()]
        tokenizer, removal = self.reranker.tokenizer, self.words.removal
        variants = [without(self.pair, places, removal, tokenizer) for places in taken]
        logits = logits_of(self.reranker, variants, self.memory)
        relevant = are_relevant([self.label]).expand(len(logits))
        values = label_values(self.reranker, logits, relevant, self.target)
        self.whole = values[0].item()
        self.p_label = label_values(self.reranker, logits[:1], relevant[:1]).item()
        return values - values[0]
