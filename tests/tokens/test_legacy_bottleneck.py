"""The published estimator, against its own way of computing it, written down step by step."""

import numpy as np
import pytest
import torch

from relevance_neurons.tokens import legacy_bottleneck
from relevance_neurons.tokens.noise import draw_noise, noise_key
from toys.bert import PAIRS
from toys.plain_bottleneck import entropy, output_of, replaced
from toys.tiny_rankers import make_ranker


def input_of(reranker, layer: int, inputs) -> torch.Tensor:
    if layer:
        return output_of(reranker, layer - 1, inputs)[0]
    others = {name: x for name, x in inputs.items() if name != "attention_mask"}
    return reranker.model.base_model.embeddings(**others)[0]


def published_scores(reranker, pair, layer: int, label: int, beta: float, steps: int, samples: int):
    """One instance's estimate, its states in units of it, and the information of the last pass."""
    inputs = reranker.collate(reranker.encode([pair]))
    x, m = output_of(reranker, layer, inputs)[0], input_of(reranker, layer, inputs)
    m, sd = m.detach(), np.sqrt(1e-5)
    alpha = torch.full_like(x, 5.0, requires_grad=True)
    adam = torch.optim.Adam([alpha], lr=1)
    for step in range(steps):
        key = noise_key(0, pair, layer)
        drawn = draw_noise([key], [len(x)], step, range(samples), x.shape[-1])[0]
        adam.zero_grad()
        mu = torch.sigmoid(alpha)
        signal, log_variance = mu * (x - m) / sd, torch.log((1 - mu) ** 2)
        spread = (log_variance.clamp(-10, 10) / 2).exp()
        losses = []
        for one in torch.from_numpy(drawn).to(x):
            passed = (signal + spread * one) * sd + m
            with replaced(reranker, layer, lambda _, passed=passed: passed[None]):
                losses.append(entropy(reranker.model(**inputs).logits, label))
        capacity = -0.5 * (1 + log_variance - signal**2 - log_variance.exp())
        (torch.stack(losses).mean() + beta * capacity.mean()).backward()
        adam.step()
    return capacity.sum(-1).detach().numpy()


@pytest.mark.parametrize(("kind", "layer"), [("bert", 0), ("bert", 2), ("distilbert", 1)])
@pytest.mark.parametrize("beta", [None, 1e-3])
def test_scores_are_those_of_the_public_way(kind, layer, beta):
    reranker = make_ranker(kind)
    settings = {"beta": beta, "steps": 5, "samples": 2}
    found = legacy_bottleneck.scores(reranker, PAIRS, "relevant", layer, **settings)
    for check, own in found:
        pair, weight = PAIRS[check.pair], 1e-5 if beta is None else beta
        expected = published_scores(reranker, pair, layer, 1, weight, 5, 2)
        np.testing.assert_allclose(own, expected, rtol=1e-5)


def test_information_is_that_of_how_far_a_layer_goes():
    """Wide open it is (output − input)² / 2e-5, which no statistics of the layer's output give."""
    reranker = make_ranker("bert")
    (found,) = legacy_bottleneck.scores(reranker, PAIRS[:1], "relevant", 1, steps=1)
    inputs = reranker.collate(reranker.encode(PAIRS[:1]))
    moved = (output_of(reranker, 1, inputs) - output_of(reranker, 0, inputs))[0].numpy()
    np.testing.assert_allclose(found[1], (moved**2).sum(1) / 2e-5, rtol=0.02)
