"""A ranker that reads a few known tokens and nothing else: methods put these on top."""

import numpy as np
import polars as pl
import pytest

from relevance_neurons.tokens.attribute_tokens import attribute_tokens
from relevance_neurons.tokens.degradation import degrade
from toys.planted_tokens import PAIRS, PLANTED, is_planted, planted_ranker

METHODS = {
    "integrated_gradients": {},
    "integrated_gradients, published": {"legacy": True},
    "lime": {},
    "leave_one_out": {},
    "leave_one_out, mask": {"removal": "mask"},
    "information_bottleneck": {},
}


def scored(reranker, method: str, **settings) -> pl.DataFrame:
    name = method.split(",")[0]
    if name == "information_bottleneck":
        settings = {"layer": 0, **settings}
    return attribute_tokens(reranker, PAIRS, method=name, **settings).frame()


def on_top(frame: pl.DataFrame) -> list[bool]:
    """Of each pair: whether every planted token scores higher than every other one."""
    planted = pl.Series(is_planted(frame["token"]))
    least = frame.filter(planted).group_by("pair").agg(pl.col("score").min().alias("least"))
    most = frame.filter(~planted).group_by("pair").agg(pl.col("score").max().alias("most"))
    both = least.join(most, on="pair", validate="1:1").sort("pair")
    return (both["least"] > both["most"]).to_list()


@pytest.mark.parametrize("n_logits", [1, 2])
@pytest.mark.parametrize("method", METHODS)
def test_planted_tokens_are_on_top(method, n_logits):
    found = scored(planted_ranker(n_logits), method, **METHODS[method])
    assert on_top(found) == [True] * len(PAIRS)


def test_random_scores_do_not_find_them():
    assert sum(on_top(scored(planted_ranker(), "random"))) < 2


def test_non_relevant_turns_the_sign():
    """What speaks for the one label speaks against the other, in any method that has a sign."""
    reranker = planted_ranker()
    for method in ("integrated_gradients", "leave_one_out"):
        of = [
            attribute_tokens(reranker, PAIRS, label, method).frame()["score"].to_numpy()
            for label in ("relevant", "non_relevant")
        ]
        assert np.allclose(of[0], -of[1], atol=1e-12)


def test_without_them_the_probability_falls_at_once():
    """One step takes two or three tokens: both planted ones where there are two."""
    reranker = planted_ranker()
    curve = degrade(reranker, PAIRS, "relevant", scored(reranker, "leave_one_out"))
    texts = [
        tuple(" ".join(word for word in text.split() if word not in PLANTED) for text in pair)
        for pair in PAIRS
    ]
    none = reranker.score(texts).exp().numpy()
    for removal in ("deletion", "mask"):
        steps = curve.filter(removal=removal, order="most", step=1).sort("pair")
        assert np.allclose(steps["p_label"], none, atol=0.02)
        last = curve.filter(removal=removal, order="least", step=6).sort("pair")
        assert (last["p_label"] > steps["p_label"] + 0.1).all()
