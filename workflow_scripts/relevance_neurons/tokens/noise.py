"""Noise of a bottleneck that is the same whatever else is computed beside it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from itertools import product

import numpy as np


def noise_key(seed: int, pair: tuple[str, str], layer: int) -> np.ndarray:
    """What the noise of a pair at a layer is drawn by: two uint64."""
    digest = blake2b(repr((seed, *pair, layer)).encode("utf-8", "surrogatepass"), digest_size=16)
    return np.frombuffer(digest.digest(), dtype="<u8").astype(np.uint64)


def draw_noise(
    keys: Sequence[np.ndarray],
    lengths: Sequence[int],
    step: int,
    samples: Sequence[int],
    width: int,
    threads: int = 1,
) -> np.ndarray:
    """Standard normal numbers, float32, shape (n_pairs, n_samples, longest, width); 0 at padding.

    Each sample of a pair has a stream of its own (Philox, whose counter holds step and sample), so
    that its numbers depend on its key, step and sample alone: not on the batch, nor on what was
    drawn before, nor on ``threads``.
    """
    noise = np.zeros((len(keys), len(samples), max(lengths), width), dtype=np.float32)

    def draw(place: tuple[int, int]) -> None:
        pair, own = place
        stream = np.random.Philox(key=keys[pair], counter=[0, 0, step, samples[own]])
        rows = noise[pair, own, : lengths[pair]]
        np.random.Generator(stream).standard_normal(dtype=np.float32, out=rows)

    places = product(range(len(keys)), range(len(samples)))
    if threads == 1:
        for place in places:
            draw(place)
    else:  # numpy lets other threads run while it draws; a GPU would wait for one
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(draw, places))
    return noise
