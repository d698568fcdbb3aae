"""The information bottleneck as its authors' group published it, to compare with.

Mean and spread of the noise are estimated from a single instance (bazingagin/IBA, beside Jiang et
al. 2021): the mean is that instance's own, the variance the constant 1e-5. And the instance is the
layer's input. So μ = 0 does not take away what a token says but skips the layer, and KL is close to
μ² (output − input)² / 2e-5. Two smaller things differ too: noise is never less than exp(−5) of its
spread, and scores are those of the last pass, after one update fewer than there are steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp

import numpy as np

from relevance_neurons.attribution.upper_layers import States
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.bottleneck_batches import Bottlenecks, Pairs, Scored
from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.optimisation import Descent
from relevance_neurons.tokens.restriction import Restriction

BETA = 1e-5
"""The public program's default. Its losses are means, as ours are."""
VARIANCE = 1e-5
LEAST_NOISE = exp(-5)


def scores(
    reranker: Reranker,
    pairs: Pairs,
    labels: str | Sequence[str],
    layer: int,
    *,
    beta: float | None = None,
    steps: int = 10,
    samples: int = 10,
    seed: int = 0,
    memory: Memory | None = None,
) -> Iterator[tuple[TokenCheck, np.ndarray]]:
    """As ``bottleneck.scores``, with no statistics; ``beta`` is ``BETA`` by default."""
    settings = {"beta": beta, "seed": seed, "memory": memory, "steps": steps, "samples": samples}
    found = all_layers(reranker, pairs, labels, [layer], **settings)
    yield from ((check, own) for _, check, own in found)


def all_layers(
    reranker: Reranker,
    pairs: Pairs,
    labels: str | Sequence[str],
    layers: Sequence[int],
    *,
    beta: float | None = None,
    seed: int = 0,
    memory: Memory | None = None,
    **settings: int,
) -> Iterator[Scored]:
    """As ``bottleneck.all_layers``, with no statistics."""
    descent = Descent(BETA if beta is None else beta, **settings)

    def restrict(states: States, layer: int) -> Restriction:
        hidden, entering = states.hidden(layer), states.hidden(layer - 1)
        spread = hidden.new_full((hidden.shape[-1],), VARIANCE**0.5)
        return Restriction(hidden, states.real, entering, spread, LEAST_NOISE)

    bottlenecks = Bottlenecks(reranker, layers, restrict, descent, seed, as_published=True)
    yield from bottlenecks.scores(pairs, labels, memory or reranker.memory())
