"""From the name of a method and its settings to what scores the tokens of pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import polars as pl

from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.extras import extra
from relevance_neurons.tokens.check import TokenCheck

Found = Iterator[tuple[int | None, TokenCheck, np.ndarray]]
Scorer = Callable[[Sequence[tuple[str, str]], Sequence[str]], Found]
"""From pairs and their labels: yields layer, check and scores, shape (n_tokens,), in any order of
the pairs; of a pair the layers in their order."""


def find_scorer(
    reranker: Reranker,
    method: str,
    layers: Sequence[int],
    statistics: pl.DataFrame | None,
    settings: Mapping[str, object],
) -> Scorer:
    """What scores tokens by ``method``; each is imported when it is asked for.

    ``layers`` and ``statistics`` are for methods with layers alone; ``settings`` are what the
    method's function takes beside them.
    """
    match method:
        case "information_bottleneck":
            return _of_layers(reranker, layers, statistics, settings)
        case "integrated_gradients":
            with extra("tokens"):
                from relevance_neurons.tokens.integrated_gradients import scores
        case "lime":
            with extra("tokens"):
                from relevance_neurons.tokens.lime import scores
        case "leave_one_out":
            from relevance_neurons.tokens.leave_one_out import scores
        case "random":
            from relevance_neurons.tokens.random_tokens import scores
        case _:
            raise ValueError(method)
    return partial(_at_input, partial(scores, reranker, **settings))


def _at_input(score, pairs: Sequence[tuple[str, str]], labels: Sequence[str]) -> Found:
    for check, scores in score(pairs, labels):
        yield None, check, scores


def _of_layers(
    reranker: Reranker,
    layers: Sequence[int],
    statistics: pl.DataFrame | None,
    settings: Mapping[str, object],
) -> Scorer:
    read = {key: value for key, value in settings.items() if key != "legacy"}
    if settings.get("legacy"):  # its noise has statistics of its own
        from relevance_neurons.tokens.legacy_bottleneck import all_layers

        return partial(all_layers, reranker, layers=layers, **read)
    from relevance_neurons.tokens.bottleneck import all_layers

    return partial(all_layers, reranker, layers=layers, statistics=statistics, **read)
