"""Find what a bottleneck may keep back of some pairs: α by gradient descent, as published.

loss of a pair = mean over samples of the cross entropy of its label + β · mean over tokens and
features of KL. The pairs' losses are added up: none has a say in another's α.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.attribution.upper_layers import States, UpperLayers
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.memory import Memory, halving
from relevance_neurons.tokens.noise import draw_noise
from relevance_neurons.tokens.restriction import Restriction


@dataclass(frozen=True)
class Descent:
    """How α is found: Adam's steps from ``initial_alpha``, each with new noise in each sample.

    Raises ``UserError`` for a number that is too small.
    """

    beta: float
    steps: int = 10
    samples: int = 10
    learning_rate: float = 1.0
    initial_alpha: float = 5.0

    def __post_init__(self) -> None:
        for name, least in (("beta", 0), ("steps", 1), ("samples", 1)):
            value = getattr(self, name)
            if not value >= least:
                raise UserError(f"tokens.{name}: {value!r} was found; allowed: {least} and more")


@dataclass(frozen=True)
class Asked:
    """Some pairs at a layer: their states, their labels' indices (n_pairs,) and noise's keys."""

    upper: UpperLayers
    states: States
    layer: int
    labels: torch.Tensor
    keys: Sequence[np.ndarray]


@dataclass(frozen=True)
class Found:
    """α after the last update and before it, and losses (n_pairs,) of the first and last pass."""

    alpha: torch.Tensor
    alpha_before: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor


@torch.no_grad()
def optimise(asked: Asked, restriction: Restriction, descent: Descent, memory: Memory) -> Found:
    """α of each pair, token and feature: shape (n_pairs, n_tokens, width).

    The samples of a step go through the ranker together where ``memory`` allows it. Raises
    ``UserError`` for what is no finite number, and where one row alone is too much for the memory.
    """
    alpha = torch.full_like(restriction.hidden, descent.initial_alpha)
    adam = torch.optim.Adam([alpha], lr=descent.learning_rate)
    losses = []
    for step in range(descent.steps):
        entropy, slope = _entropy(asked, restriction, descent, alpha, step, memory)
        alpha.grad = slope + descent.beta * restriction.mean_information_slope(alpha)
        check_finite(entropy, alpha.grad)
        if step in (0, descent.steps - 1):
            information = restriction.mean_information(alpha)
            losses.append(entropy + descent.beta * information.to(entropy))
            before = alpha.clone()
        adam.step()
    return Found(alpha, before, losses[0], losses[-1])


def _entropy(
    asked: Asked,
    restriction: Restriction,
    descent: Descent,
    alpha: torch.Tensor,
    step: int,
    memory: Memory,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean over samples of the pairs' cross entropy (n_pairs,), and its derivative by α."""
    entropy = torch.zeros(len(alpha), dtype=torch.float64, device=alpha.device)
    slope = torch.zeros_like(alpha)
    lengths = restriction.real.sum(1).tolist()

    def run(samples: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        threads = torch.get_num_threads()
        drawn = draw_noise(asked.keys, lengths, step, samples, alpha.shape[-1], threads)
        noise = torch.from_numpy(drawn).to(alpha)
        passed = restriction.passed(alpha, noise)
        own, gradients = _entropy_of(asked, passed)
        return own, restriction.passed_slope(alpha, noise, gradients)

    for some in _groups(descent.samples, alpha.shape, memory):
        # Where even one sample of several pairs is too much, whoever chose the pairs halves them.
        done = halving(some, memory, run) if len(alpha) == 1 else [(some, run(some))]
        for _, (own, part) in done:
            entropy += own
            slope += part
    return entropy / descent.samples, slope / descent.samples


@torch.enable_grad()
def _entropy_of(asked: Asked, passed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums over samples of the cross entropy, float64 (n_pairs,), and their derivatives by T.

    ``passed``: T, shape (n_pairs, n_samples, n_tokens, width), as the derivatives.
    """
    n_pairs, n_samples = passed.shape[:2]
    rows = passed.flatten(0, 1).requires_grad_(True)
    logits = asked.upper.logits(asked.states, asked.layer, rows, n_samples)
    logs = asked.upper.reranker.log_probabilities(logits)
    labels = asked.labels.repeat_interleave(n_samples)
    entropy = -logs.gather(1, labels[:, None])
    (gradients,) = torch.autograd.grad(entropy.sum(), rows)
    summed = entropy.detach().double().view(n_pairs, n_samples).sum(1)
    return summed, gradients.view_as(passed)


def _groups(n_samples: int, shape: torch.Size, memory: Memory) -> list[range]:
    """The samples, as many together as make a pass."""
    size = min(n_samples, max(1, memory.batch_tokens // (shape[0] * shape[1])))
    return [range(n, min(n + size, n_samples)) for n in range(0, n_samples, size)]
