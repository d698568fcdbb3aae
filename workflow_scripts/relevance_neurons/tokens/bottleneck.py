"""Score tokens by an information bottleneck: what the ranker needs of each for its label.

Jiang et al. 2021, and the study of passage re-ranking after it, put a bottleneck on the output of a
layer (``restriction.py``) and let it close as far as the label stays predicted
(``optimisation.py``). A token's score is what still passes of it: KL summed over features, nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import torch

from relevance_neurons.attribution.upper_layers import States
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.bottleneck_batches import Bottlenecks, Pairs, Scored
from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.optimisation import Descent
from relevance_neurons.tokens.restriction import Restriction


def scores(
    reranker: Reranker,
    pairs: Pairs,
    labels: str | Sequence[str],
    layer: int,
    statistics: pl.DataFrame,
    *,
    beta: float | None = None,
    steps: int = 10,
    samples: int = 10,
    learning_rate: float = 1.0,
    initial_alpha: float = 5.0,
    seed: int = 0,
    memory: Memory | None = None,
) -> Iterator[tuple[TokenCheck, np.ndarray]]:
    """Yield each pair's check and the scores of its tokens, in nats; longest pairs first.

    ``labels``: the judged label of each pair, or one of all. ``statistics``: of the layer's output,
    as ``measure_statistics`` gives them, of one collection; with β, unless ``beta`` is given.
    Scores are float64, shape (n_tokens,). They depend on the pair, its label, the layer, the
    settings and ``seed`` alone. A check's before is the loss in the first pass, its after that in
    the last, which is the last update's; cost_forwards counts the layers above the bottleneck.

    Raises ``UserError`` for a layer that the ranker or the statistics do not have, a wrong label
    or number, for what is no finite number, and if one row alone is too large for the memory.
    """
    found = all_layers(
        reranker,
        pairs,
        labels,
        [layer],
        statistics,
        beta=beta,
        seed=seed,
        memory=memory,
        steps=steps,
        samples=samples,
        learning_rate=learning_rate,
        initial_alpha=initial_alpha,
    )
    yield from ((check, own) for _, check, own in found)


def all_layers(
    reranker: Reranker,
    pairs: Pairs,
    labels: str | Sequence[str],
    layers: Sequence[int],
    statistics: pl.DataFrame,
    *,
    beta: float | None = None,
    seed: int = 0,
    memory: Memory | None = None,
    **settings: float,
) -> Iterator[Scored]:
    """As ``scores`` at each of ``layers``: yield layer, check and scores.

    The states of all layers come from one pass, whose cost the checks share.
    """
    spread = {layer: _of_layer(statistics, layer) for layer in layers}
    descent = Descent(_beta(statistics) if beta is None else beta, **settings)

    def restrict(states: States, layer: int) -> Restriction:
        hidden = states.hidden(layer)
        mean, sd = (torch.from_numpy(one).to(hidden) for one in spread[layer])
        if len(mean) != hidden.shape[-1]:
            raise UserError(
                f"token_statistics: {len(mean)} features of layer {layer} were found; the ranker "
                f"has {hidden.shape[-1]}: measure them with this one"
            )
        return Restriction(hidden, states.real, mean, sd)

    bottlenecks = Bottlenecks(reranker, layers, restrict, descent, seed)
    yield from bottlenecks.scores(pairs, labels, memory or reranker.memory())


def _of_layer(statistics: pl.DataFrame, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature of a layer: float64, shape (width,)."""
    own = statistics.filter(pl.col("layer") == layer).sort("feature")
    if own.is_empty():
        known = ", ".join(map(str, statistics["layer"].unique().sort()))
        raise UserError(f"token_statistics: layer {layer} was asked for; there are {known}")
    if own["feature"].is_duplicated().any():
        raise UserError(
            f"token_statistics: several rows of one feature of layer {layer} were found; give "
            "those of one collection"
        )
    return own["mean"].to_numpy().copy(), own["standard_deviation"].to_numpy().copy()


def _beta(statistics: pl.DataFrame) -> float:
    """The one β of all layers."""
    values = statistics["beta"].unique()
    if len(values) != 1:
        raise UserError(
            f"token_statistics: {len(values)} values of beta were found; give the statistics of "
            "one collection, or beta"
        )
    return float(values[0])
