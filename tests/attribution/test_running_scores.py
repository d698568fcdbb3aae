"""Sums over pairs against NumPy: replicates, halves, shards."""

import numpy as np
import pytest
from scipy.stats import norm

from relevance_neurons.attribution.running_scores import BLOCK_PAIRS, RunningScores


def run(scores: np.ndarray, order=None, **options) -> RunningScores:
    running = RunningScores(scores.shape[1], **options)
    for pair in range(len(scores)) if order is None else order:
        running.add(int(pair), scores[pair])
    return running


def halves(n_pairs: int, halvings: int, seed: int = 0) -> np.ndarray:
    """Whether each pair is in the first half, shape (halvings, n_pairs), read off unit scores."""
    means = run(np.eye(n_pairs), halvings=halvings, seed=seed).half_means()
    assert ((means[0] > 0) != (means[1] > 0)).all()
    return means[0] > 0


@pytest.mark.parametrize("n_pairs", [2, 5, 2 * BLOCK_PAIRS + 3])
def test_halves_hold_one_of_each_two_neighbours(n_pairs):
    in_first = halves(n_pairs, 12)
    even = n_pairs // 2 * 2
    assert (in_first[:, 0:even:2] != in_first[:, 1:even:2]).all()
    assert set(in_first.sum(axis=1)) <= {n_pairs // 2, n_pairs - n_pairs // 2}


def test_half_means_are_those_of_the_pairs_in_them():
    scores = np.random.default_rng(0).normal(size=(BLOCK_PAIRS + 7, 5))
    in_first = halves(len(scores), 6, seed=3)
    first, second = run(scores, halvings=6, seed=3).half_means()
    for row, chosen in enumerate(in_first):
        np.testing.assert_allclose(first[row], scores[chosen].mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(second[row], scores[~chosen].mean(axis=0), rtol=1e-12)


def test_coins_are_fair_and_independent():
    """Over 4,000 coins the heads, and what neighbouring halvings share, are near a half."""
    coins = halves(2 * 200, 20)[:, ::2]
    bound = norm.ppf(1 - 1e-4) * 0.5 / np.sqrt(coins.size)
    assert abs(coins.mean() - 0.5) < bound
    assert abs((coins[1:] == coins[:-1]).mean() - 0.5) < bound * np.sqrt(20 / 19)
    assert abs((coins[:, 1:] == coins[:, :-1]).mean() - 0.5) < bound * 1.01
    assert (halves(400, 20, seed=1)[:, ::2] != coins).any()


def test_replicates_are_the_same_with_and_without_halves():
    scores = np.random.default_rng(1).normal(size=(9, 4))
    alone = run(scores, replicates=7, seed=2).replicate_means()
    beside = run(scores, replicates=7, seed=2, halvings=3).replicate_means()
    np.testing.assert_array_equal(alone, beside)


def test_neither_order_nor_shards_matter():
    random = np.random.default_rng(4)
    scores = random.normal(size=(BLOCK_PAIRS + 20, 3))
    options = {"replicates": 5, "halvings": 4, "seed": 1}
    whole = run(scores, **options)
    shuffled = run(scores, random.permutation(len(scores)), **options)
    shards = [run(scores, rows, **options) for rows in np.array_split(range(len(scores)), 3)]
    for one in (whole, shuffled, *shards):
        one.half_means()
    for name in ("total", "squares", "n_pairs", "half_totals", "half_counts", "replicate_totals"):
        expected = getattr(whole, name)
        np.testing.assert_allclose(getattr(shuffled, name), expected, rtol=1e-9, atol=1e-12)
        summed = sum(getattr(shard, name) for shard in shards)
        np.testing.assert_allclose(summed, expected, rtol=1e-9, atol=1e-12)


def test_a_single_pair_leaves_one_half_empty():
    first, second = run(np.ones((1, 2)), halvings=8).half_means()
    assert (np.isnan(first) != np.isnan(second)).all()
    assert np.nanmax(first) == np.nanmax(second) == 1.0
