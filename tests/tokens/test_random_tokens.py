"""Random scores of tokens: the same wherever a pair stands, others for other seeds and texts."""

import numpy as np
import polars as pl
import pytest

from relevance_neurons.tokens.attribute_tokens import attribute_tokens
from relevance_neurons.tokens.keyed_draws import generator_of
from toys.bert import PAIRS


def scores(reranker, pairs=PAIRS, **settings) -> pl.DataFrame:
    return attribute_tokens(reranker, pairs, method="random", **settings).frame()


def test_they_depend_on_the_pair_alone(two_logits):
    found = scores(two_logits)
    assert scores(two_logits).equals(found)
    backwards = scores(two_logits, PAIRS[::-1])
    for place in range(len(PAIRS)):
        own = found.filter(pair=place)["score"]
        assert own.equals(backwards.filter(pair=len(PAIRS) - 1 - place)["score"])


def test_shards_make_the_whole(two_logits):
    shards = [scores(two_logits, shard=(k, 3)) for k in range(3)]
    assert pl.concat(shards).equals(scores(two_logits))


@pytest.mark.parametrize("other", [{"seed": 1}, {"pairs": [(q, f"{p} heat") for q, p in PAIRS]}])
def test_another_seed_or_text_gives_others(two_logits, other):
    n = 6  # tokens of the shortest pair
    first, second = (
        found.filter(pair=1)["score"][:n]
        for found in (scores(two_logits), scores(two_logits, **other))
    )
    assert not np.isclose(first, second).any()


def test_they_are_uniform():
    """Also over pairs: the first number of each key."""
    firsts = [generator_of(0, ("query", str(n)), "").random() for n in range(4000)]
    counts, _ = np.histogram(firsts, bins=10, range=(0, 1))
    assert np.abs(counts - 400).max() < 4 * np.sqrt(360)  # four standard deviations


def test_query_and_passage_are_kept_apart():
    drawn = [generator_of(0, pair, "").random() for pair in (("a b", "c"), ("a", "b c"))]
    assert drawn[0] != drawn[1]


def test_checks_have_the_probability(two_logits):
    checks = attribute_tokens(two_logits, PAIRS, method="random").checks()
    assert np.allclose(checks["p_label"], two_logits.score(PAIRS).exp(), rtol=1e-6)
    assert checks["before"].is_nan().all() and checks["after"].is_nan().all()
