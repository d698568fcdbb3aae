"""An information bottleneck on hidden states: what it lets through, and how much that says.

T = μ X + (1 − μ) ε with ε ~ N(mean, sd²) and μ = sigmoid(α) for each token and feature (Jiang et
al. 2021; Schulz et al. 2020). With z = (X − mean)/sd the information of T about X is
KL = −½ (1 + log v − m² − v) nats, m = μ z and v = (1 − μ)².
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import logsigmoid


@dataclass(frozen=True)
class Restriction:
    """Hidden states of some pairs, shape (n_pairs, n_tokens, width), and how noise is spread.

    ``mean`` and ``sd`` have the shape (width,), or that of the states. ``real`` (n_pairs, n_tokens)
    is True where a token is; elsewhere nothing is counted. Noise has at least ``least_noise`` of
    its spread, however large α is: 0 but in the public code.
    """

    hidden: torch.Tensor
    real: torch.Tensor
    mean: torch.Tensor
    sd: torch.Tensor
    least_noise: float = 0.0

    def passed(self, alpha: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """T of each sample, shape (n_pairs, n_samples, n_tokens, width), as ``noise`` has it."""
        kept = torch.lerp(self.mean.expand_as(alpha), self.hidden, alpha.sigmoid())
        spread = alpha.neg().sigmoid().clamp_min(self.least_noise) * self.sd
        return torch.addcmul(kept[:, None], spread[:, None], noise)

    def passed_slope(
        self, alpha: torch.Tensor, noise: torch.Tensor, gradients: torch.Tensor
    ) -> torch.Tensor:
        """Of a sum over samples whose derivatives by T are ``gradients``: its derivative by α."""
        mu, rest = alpha.sigmoid(), alpha.neg().sigmoid()
        falls = torch.where(rest > self.least_noise, self.sd, 0.0)
        by_mu = (self.hidden - self.mean) * gradients.sum(1)
        by_mu -= falls * (gradients * noise).sum(1)
        return by_mu * mu * rest * self.real[..., None]

    def information(self, alpha: torch.Tensor) -> torch.Tensor:
        """Of each token and feature in nats, shape (n_pairs, n_tokens, width); 0 at padding."""
        log_variance = 2 * logsigmoid(-alpha)
        squares = (alpha.sigmoid() * (self.hidden - self.mean) / self.sd).square()
        # v − 1 − log v, exact where μ is small: v is 1 less a rounding error there.
        information = (torch.expm1(log_variance) - log_variance + squares) / 2
        return information * self.real[..., None]

    def mean_information(self, alpha: torch.Tensor) -> torch.Tensor:
        """Mean over a pair's tokens and features: shape (n_pairs,)."""
        return self.information(alpha).sum((1, 2)) / self.n_values

    def mean_information_slope(self, alpha: torch.Tensor) -> torch.Tensor:
        """Its derivative by α: that of KL is μ² ((1 − μ) z² + 2 − μ), where nothing cancels."""
        mu, rest = alpha.sigmoid(), alpha.neg().sigmoid()
        squares = ((self.hidden - self.mean) / self.sd).square()
        slope = mu.square() * (rest * squares + 1 + rest)
        return slope * self.real[..., None] / self.n_values[:, None, None]

    @property
    def n_values(self) -> torch.Tensor:
        """Tokens × features of each pair: shape (n_pairs,)."""
        return self.real.sum(1) * self.hidden.shape[-1]

    def double(self) -> Restriction:
        """The same in float64."""
        of_states = (self.hidden.double(), self.real, self.mean.double(), self.sd.double())
        return Restriction(*of_states, self.least_noise)
