"""Running sums over pairs: mean, standard error, Poisson-bootstrap replicates and random halves.

Nothing per pair is kept, so memory does not grow with their number, and sums of shards add up.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

BLOCK_PAIRS = 64
"""Pairs that are added to replicates and halves at once (one matrix product)."""
BOOTSTRAP, HALVES = 0, 1
"""Streams of random numbers of a pair: none is the start of another."""


class RunningScores:
    """Sums of scores of shape (n_neurons,) over pairs, in float64.

    In bootstrap replicate r pair i counts Poisson(1) times (METHOD, section 2.2). The counts come
    from a generator seeded with (seed, i), so they depend neither on the order of the pairs nor on
    how they are split into shards.

    A halving puts one of the pairs 2j and 2j + 1 into its first half and the other into the
    second, by a coin from a generator of its own for (seed, j): halves of equal size (but for one
    pair where their number is odd), again whatever the order and the shards.
    """

    def __init__(
        self, n_neurons: int, replicates: int = 0, seed: int = 0, halvings: int = 0
    ) -> None:
        self.seed, self.replicates, self.halvings = seed, replicates, halvings
        self.n_pairs = 0
        self.total = np.zeros(n_neurons)
        self.squares = np.zeros(n_neurons)
        self.replicate_counts = np.zeros(replicates)
        self.replicate_totals = np.zeros((replicates, n_neurons))
        self.half_counts = np.zeros(halvings)
        self.half_totals = np.zeros((halvings, n_neurons))
        self._waiting: list[tuple[int, np.ndarray]] = []

    def add(self, pair: int, scores: np.ndarray) -> None:
        """Add the scores, shape (n_neurons,), of pair number ``pair``."""
        scores = scores.astype(np.float64)
        self.n_pairs += 1
        self.total += scores
        self.squares += scores**2
        if self.replicates or self.halvings:
            self._waiting.append((pair, scores))
            if len(self._waiting) == BLOCK_PAIRS:
                self._add_block()

    def sums(self) -> dict[str, np.ndarray]:
        """What ``add_sums`` takes: total, squares, replicate_totals, half_totals."""
        self._add_block()
        names = ("total", "squares", "replicate_totals", "half_totals")
        return {name: getattr(self, name) for name in names}

    def add_sums(self, pairs: range, sums: Mapping[str, np.ndarray]) -> None:
        """Add the ``sums`` of the scores of ``pairs``, which another object of this kind formed.

        How often a pair counts in a replicate, and in which half it is, is the same everywhere, so
        that the counts need not come along.
        """
        self._add_block()
        for name, values in sums.items():
            getattr(self, name)[:] += values
        self.n_pairs += len(pairs)
        for pair in pairs:
            self.replicate_counts += self._counts(pair)
            self.half_counts += self._in_first_half(pair)

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
        self._add_block()
        return _means(self.replicate_totals, self.replicate_counts)

    def half_means(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean score in both halves of each halving, each of shape (halvings, n_neurons).

        NaN in a half without a pair, which only a single pair leaves.
        """
        self._add_block()
        first = _means(self.half_totals, self.half_counts)
        return first, _means(self.total - self.half_totals, self.n_pairs - self.half_counts)

    def _add_block(self) -> None:
        if not self._waiting:
            return
        pairs, scores = zip(*self._waiting, strict=True)
        block = np.stack(scores)
        counts = np.stack([self._counts(pair) for pair in pairs], axis=1)
        self.replicate_counts += counts.sum(axis=1)
        self.replicate_totals += counts @ block
        chosen = np.stack([self._in_first_half(pair) for pair in pairs], axis=1)
        self.half_counts += chosen.sum(axis=1)
        self.half_totals += chosen @ block
        self._waiting = []

    def _counts(self, pair: int) -> np.ndarray:
        return self._generator(pair, BOOTSTRAP).poisson(1.0, self.replicates).astype(float)

    def _in_first_half(self, pair: int) -> np.ndarray:
        coins = self._generator(pair // 2, HALVES).integers(0, 2, self.halvings)
        return (coins == pair % 2).astype(float)

    def _generator(self, number: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, number, stream])


def _means(totals: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Rows of ``totals`` through ``counts``; NaN where nothing was counted."""
    return totals / np.where(counts > 0, counts, np.nan)[:, None]
