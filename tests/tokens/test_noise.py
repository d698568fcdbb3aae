"""Noise is standard normal, and depends on nothing but its key, step and sample."""

from hashlib import blake2b

import numpy as np
from scipy.stats import kstest

from relevance_neurons.tokens.noise import draw_noise, noise_key

PAIR, OTHER = ("wing lift", "the flow of air"), ("heat", "the wing")


def test_noise_is_standard_normal():
    drawn = draw_noise([noise_key(0, PAIR, 1)], [50], 0, range(10), 100)
    assert drawn.shape == (1, 10, 50, 100) and drawn.dtype == np.float32
    assert kstest(drawn.ravel(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(drawn.reshape(10, -1))[np.triu_indices(10, 1)]).max() < 0.06


def test_a_pair_has_the_same_noise_in_every_batch():
    keys = [noise_key(0, pair, 1) for pair in (PAIR, OTHER)]
    together = draw_noise(keys, [7, 4], 3, range(5), 6)
    alone = draw_noise(keys[1:], [4], 3, [2, 4], 6)
    np.testing.assert_array_equal(together[1, [2, 4], :4], alone[0])
    assert not together[1, :, 4:].any() and together[0].all()


def test_threads_change_nothing():
    keys = [noise_key(0, pair, 1) for pair in (PAIR, OTHER)]
    one, several = (draw_noise(keys, [7, 4], 3, range(5), 6, threads) for threads in (1, 3))
    np.testing.assert_array_equal(one, several)


def test_everything_that_noise_is_drawn_by_changes_it():
    keys = [
        noise_key(0, PAIR, 1),
        noise_key(1, PAIR, 1),
        noise_key(0, OTHER, 1),
        noise_key(0, PAIR[::-1], 1),
        noise_key(0, ("wing", "lift the flow of air"), 1),
        noise_key(0, PAIR, 2),
    ]
    streams = [draw_noise([key], [3], 0, [0], 4) for key in keys]
    streams += [draw_noise(keys[:1], [3], *place, 4) for place in ((1, [0]), (0, [1]), (1, [1]))]
    flat = [one.tobytes() for one in streams]
    assert len(set(flat)) == len(flat)


def test_noise_is_the_same_in_every_run():
    key = noise_key(0, PAIR, 1)
    digest = blake2b(b"(0, 'wing lift', 'the flow of air', 1)", digest_size=16).digest()
    assert key.tobytes() == digest
    drawn = draw_noise([key], [1], 2, [3], 3)
    np.testing.assert_allclose(drawn.ravel(), [1.8720459, 0.3775791, 1.6644623], rtol=1e-6)
