"""The information bottleneck straight from its formulas: a pair and a sample at a time, with hooks.

In float64 through the whole stock model, with torch's distributions, losses and automatic gradient.
"""

from contextlib import contextmanager

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from relevance_neurons.rankers.architectures import encoder_layers


def end_of(reranker, layer: int):
    """The module that puts out what comes out of a layer, and which of its calls it is."""
    base = reranker.model.base_model
    if layer == 0 and getattr(base.encoder if hasattr(base, "encoder") else base, "conv", None):
        return base.encoder.conv, 0
    layers = encoder_layers(reranker.model, reranker.architecture)
    return layers[layer], layers[:layer].count(layers[layer])


@contextmanager
def replaced(reranker, layer: int, change):
    """Within the block, ``change`` is given what the layer puts out and says what goes on."""
    module, wanted = end_of(reranker, layer)
    calls = 0

    def hook(_module, _inputs, output):
        nonlocal calls
        calls += 1
        if calls - 1 != wanted:
            return output
        if isinstance(output, tuple):
            return (change(output[0]), *output[1:])
        return change(output)

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def output_of(reranker, layer: int, inputs) -> torch.Tensor:
    """What comes out of a layer, by the stock model."""
    seen = []

    def look(hidden):
        seen.append(hidden)
        return hidden

    with replaced(reranker, layer, look), torch.no_grad():
        reranker.model(**inputs)
    return seen[0]


def entropy(logits: torch.Tensor, label: int) -> torch.Tensor:
    """Of the label, 0 non-relevant or 1 relevant, by one logit or two."""
    if logits.shape[-1] == 1:
        return binary_cross_entropy_with_logits(logits[:, 0], torch.full_like(logits[:, 0], label))
    return cross_entropy(logits, torch.tensor([label]))


def divergence(alpha, x, mean, sd) -> torch.Tensor:
    """KL of what passes from the noise, for each token and feature."""
    mu = alpha.sigmoid()
    return kl_divergence(Normal(mu * x + (1 - mu) * mean, (1 - mu) * sd), Normal(mean, sd))


def slow_scores(reranker, pair, layer, label, mean, sd, beta, noise, steps=10) -> np.ndarray:
    """Scores of one pair's tokens; ``noise[step]``: samples, each (n_tokens, width)."""
    inputs = reranker.collate(reranker.encode([pair]))
    x = output_of(reranker, layer, inputs)[0]
    alpha = torch.full_like(x, 5.0, requires_grad=True)
    adam = torch.optim.Adam([alpha], lr=1.0)
    for step in range(steps):
        adam.zero_grad()
        losses = []
        for one in noise[step]:
            mu = alpha.sigmoid()
            passed = mu * x + (1 - mu) * (mean + sd * one)
            with replaced(reranker, layer, lambda _, passed=passed: passed[None]):
                losses.append(entropy(reranker.model(**inputs).logits, label))
        information = divergence(alpha, x, mean, sd).mean()
        (torch.stack(losses).mean() + beta * information).backward()
        adam.step()
    return divergence(alpha, x, mean, sd).sum(-1).detach().numpy()
