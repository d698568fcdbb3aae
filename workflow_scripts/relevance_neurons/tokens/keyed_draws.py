"""Random numbers of a pair that depend on nothing but a seed and its texts."""

from __future__ import annotations

import json
from hashlib import blake2b

import numpy as np


def generator_of(seed: int, pair: tuple[str, str], purpose: str) -> np.random.Generator:
    """A generator keyed by the seed, the pair's texts and the purpose, whatever batch or shard.

    It counts (Philox), so that streams of different keys are independent.
    """
    text = json.dumps([purpose, seed, *pair])
    key = int.from_bytes(blake2b(text.encode(), digest_size=16).digest())
    return np.random.Generator(np.random.Philox(key=key))
