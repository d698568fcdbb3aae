"""Running sums over pairs: mean, standard error and Poisson-bootstrap replicates of every neuron.

Nothing per pair is kept, so memory does not grow with their number, and sums of shards add up.
"""

from __future__ import annotations

import numpy as np

BLOCK_PAIRS = 64
"""Pairs that are added to the replicates at once (one matrix product)."""


class RunningScores:
    """Sums of scores of shape (n_neurons,) over pairs, in float64.

    In bootstrap replicate r pair i counts Poisson(1) times (METHOD, section 2.2). The counts come
    from a generator seeded with (seed, i), so they depend neither on the order of the pairs nor on
    how they are split into shards.
    """

    def __init__(self, n_neurons: int, replicates: int = 0, seed: int = 0) -> None:
        self.seed, self.replicates = seed, replicates
        self.n_pairs = 0
        self.total = np.zeros(n_neurons)
        self.squares = np.zeros(n_neurons)
        self.replicate_counts = np.zeros(replicates)
        self.replicate_totals = np.zeros((replicates, n_neurons))
        self._waiting: list[tuple[int, np.ndarray]] = []

    def add(self, pair: int, scores: np.ndarray) -> None:
        """Add the scores, shape (n_neurons,), of pair number ``pair``."""
        scores = scores.astype(np.float64)
        self.n_pairs += 1
        self.total += scores
        self.squares += scores**2
        if self.replicates:
            self._waiting.append((pair, scores))
            if len(self._waiting) == BLOCK_PAIRS:
                self._add_replicates()

    def mean(self) -> np.ndarray:
        """Mean score over the pairs, shape (n_neurons,)."""
        return self.total / self.n_pairs

    def standard_error(self) -> np.ndarray:
        """Standard error of the mean, shape (n_neurons,); NaN with fewer than two pairs."""
        if self.n_pairs < 2:
            return np.full_like(self.total, np.nan)
        variance = (self.squares - self.total**2 / self.n_pairs) / (self.n_pairs - 1)
        return np.sqrt(np.maximum(variance, 0.0) / self.n_pairs)

    def replicate_means(self) -> np.ndarray:
        """Mean score in each replicate, shape (replicates, n_neurons); NaN if it drew no pair."""
        self._add_replicates()
        counts = np.where(self.replicate_counts > 0, self.replicate_counts, np.nan)
        return self.replicate_totals / counts[:, None]

    def _add_replicates(self) -> None:
        if not self._waiting:
            return
        pairs, scores = zip(*self._waiting, strict=True)
        counts = np.stack([self._counts(pair) for pair in pairs], axis=1)
        self.replicate_counts += counts.sum(axis=1)
        self.replicate_totals += counts @ np.stack(scores)
        self._waiting = []

    def _counts(self, pair: int) -> np.ndarray:
        return np.random.default_rng([self.seed, pair]).poisson(1.0, self.replicates).astype(float)
