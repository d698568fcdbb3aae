"""From the name of a method and its settings to what scores pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from relevance_neurons.attribution.pair_scores import PairCheck, Settings, score_pairs
from relevance_neurons.rankers.reranker import Reranker

Scorer = Callable[[Sequence[tuple[str, str]]], Iterator[tuple[PairCheck, np.ndarray]]]
"""Yields the check and the scores, shape (n_neurons,), of each pair, in any order."""


def find_scorer(
    reranker: Reranker, method: str, label: str, settings: Mapping[str, object], seed: int
) -> Scorer:
    """What scores pairs by ``method``; each is imported when it is asked for.

    ``settings`` are what its function takes beside the label; see there.
    """
    match method:
        case "neuron_integrated_gradients":
            return partial(score_pairs, reranker, settings=Settings(label, **settings))
        case "gradient_x_activation":
            from relevance_neurons.attribution.gradient_x_activation import scores
        case "integrated_activations":
            from relevance_neurons.attribution.integrated_activations import scores
        case "single_ablation":
            from relevance_neurons.attribution.single_ablation import scores
        case "activation_size":
            from relevance_neurons.attribution.activation_scores import activation_size as scores
        case "weight_x_activation":
            from relevance_neurons.attribution.activation_scores import (
                weight_x_activation as scores,
            )
        case "random":
            from relevance_neurons.attribution.random_scores import scores

            settings = {**settings, "seed": seed}
        case _:
            raise ValueError(method)
    return partial(scores, reranker, label=label, **settings)
