"""What a layer of a ranker puts out on the whole: the noise of a bottleneck is drawn like it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import polars as pl
import torch

from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.attribution.upper_layers import States, UpperLayers
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.memory import halving, length_batches
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.tokens.bottleneck_batches import Pairs, label_indices

INITIAL_ALPHA = 5.0
BETA_TIMES = 10.0
"""β weighs the bottleneck's information so often as much as the cross entropy at the start."""
ENOUGH_TOKENS = 10_000
"""Schulz et al. 2020 estimate from so many samples."""

logger = logging.getLogger(__name__)


def measure_statistics(
    reranker: Reranker,
    pairs: Pairs,
    labels: str | Sequence[str],
    layers: Sequence[int] | None = None,
    floor: float = 0.01,
) -> pl.DataFrame:
    """Mean and spread of each feature of the layers' outputs, over all tokens of all pairs.

    A row per layer and feature: layer, feature, mean, standard_deviation (ddof 1, at least
    ``floor``), is_floored, n_tokens (special ones too), n_pairs; loss: the mean over pairs of the
    cross entropy of their labels, without noise; information: of a bottleneck as it starts, at
    μ = sigmoid(5), the mean over pairs of the mean KL of a feature and token, in nats;
    beta = 10 · loss / the mean over layers of information (METHOD, section 3: one constant for all
    pairs). ``layers``: all by default.

    Raises ``UserError`` for no pairs, a wrong label, layer or floor, and for what is no finite
    number.
    """
    if not pairs:
        raise UserError("pairs: none were found; token statistics need some")
    if not floor > 0:
        raise UserError(f"tokens.statistics.floor: {floor!r} was found; allowed: more than 0")
    indices = label_indices(labels, len(pairs))
    encoded = reranker.encode(pairs)
    upper = UpperLayers(reranker)
    layers = list(range(upper.n_layers)) if layers is None else list(layers)
    upper.check(layers)
    sums = {layer: _Sums() for layer in layers}
    memory, loss = reranker.memory(), 0.0
    with Progress(len(pairs), "Measure the layers' outputs") as progress:
        for batch in length_batches([len(pair) for pair in encoded], memory):
            for rows, states in halving(
                batch, memory, lambda rows: upper.states([encoded[row] for row in rows], layers)
            ):
                loss += _entropy(reranker, states, [indices[row] for row in rows])
                for layer in layers:
                    sums[layer].add(states.hidden(layer), states.real)
                progress.update(len(rows))
    return _frame(sums, floor, loss / len(pairs))


def warn_if_few(statistics: pl.DataFrame, collection: str, n_pairs: int) -> None:
    """Tell the log of statistics of fewer pairs than were asked for, or of few tokens."""
    found, n_tokens = statistics["n_pairs"][0], statistics["n_tokens"][0]
    if found < n_pairs or n_tokens < ENOUGH_TOKENS:
        # Way out: nothing need be done, though noise is drawn by a rough estimate; with more pairs
        # (tokens.statistics.pairs, tokens.pairs, or more judgments) it is a better one.
        logger.warning(
            "statistics of %s rest on %d pairs with %s tokens; %d pairs are asked for, and %s "
            "tokens should be",
            collection,
            found,
            f"{n_tokens:,}",
            n_pairs,
            f"{ENOUGH_TOKENS:,}",
        )


class _Sums:
    """Sums over tokens of a layer's features, by Chan's way of merging; float64, shape (width,)."""

    def __init__(self) -> None:
        self.n_tokens = self.n_pairs = 0
        self.mean = self.squares = self.pair_means = self.pair_squares = np.zeros(1)

    def add(self, hidden: torch.Tensor, real: torch.Tensor) -> None:
        """Tokens of a batch, (n_pairs, n_tokens, width), where they are ``real``.

        ``pair_means`` and ``pair_squares`` sum up the pairs' own means of x and x².
        """
        tokens = hidden[real].double()
        check_finite(tokens)
        n, mean = len(tokens), tokens.mean(0)
        squares = (tokens - mean).square().sum(0).cpu().numpy()
        shares = (1 / real.sum(1).double())[:, None].expand(real.shape)[real]
        self.pair_means = self.pair_means + (shares @ tokens).cpu().numpy()
        self.pair_squares = self.pair_squares + (shares @ tokens.square()).cpu().numpy()
        shift = mean.cpu().numpy() - self.mean
        total = self.n_tokens + n
        self.squares = self.squares + squares + shift**2 * (self.n_tokens * n / total)
        self.mean = self.mean + shift * (n / total)
        self.n_tokens, self.n_pairs = total, self.n_pairs + len(hidden)

    def information(self, sd: np.ndarray) -> float:
        """Mean over pairs of the mean over tokens and features of KL at the start.

        μ is the same everywhere, so that KL is linear in (x − mean)².
        """
        mu = 1 / (1 + np.exp(-INITIAL_ALPHA))
        variance = (1 - mu) ** 2
        means, squares = self.pair_means / self.n_pairs, self.pair_squares / self.n_pairs
        spread = squares - 2 * self.mean * means + self.mean**2
        return float(np.mean(mu**2 * spread / sd**2) + variance - 1 - np.log(variance)) / 2


def _entropy(reranker: Reranker, states: States, labels: Sequence[int]) -> float:
    """Cross entropy of the labels, summed over pairs."""
    logs = reranker.log_probabilities(states.logits).double().cpu()
    check_finite(logs)
    return -float(logs[range(len(labels)), list(labels)].sum())


def _frame(sums: dict[int, _Sums], floor: float, loss: float) -> pl.DataFrame:
    frames, information = [], []
    for layer, own in sums.items():
        spread = np.sqrt(own.squares / max(1, own.n_tokens - 1))
        floored = np.maximum(spread, floor)
        information.append(own.information(floored))
        columns = {
            "layer": layer,
            "feature": np.arange(len(spread), dtype=np.int32),
            "mean": own.mean,
            "standard_deviation": floored,
            "is_floored": spread < floor,
            "n_tokens": own.n_tokens,
            "n_pairs": own.n_pairs,
            "loss": loss,
            "information": information[-1],
        }
        types = {"layer": pl.Int32, "n_tokens": pl.Int64, "n_pairs": pl.Int64}
        frames.append(pl.DataFrame(columns).cast(types))
    beta = BETA_TIMES * loss / np.mean(information)
    return pl.concat(frames).with_columns(beta=pl.lit(float(beta)))
