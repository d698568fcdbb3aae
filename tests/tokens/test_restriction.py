"""What a bottleneck lets through, its information and their derivatives, against torch's own."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from relevance_neurons.tokens.restriction import Restriction

ALPHAS = torch.linspace(-9, 9, 37, dtype=torch.float64)


def restriction(least_noise: float = 0.0, dtype=torch.float64) -> Restriction:
    """Two pairs, the second one token shorter; features of different means and spreads."""
    torch.manual_seed(0)
    hidden = 3 * torch.randn(2, 4, 5, dtype=torch.float64)
    real = torch.tensor([[True] * 4, [True] * 3 + [False]])
    mean, sd = torch.randn(5, dtype=torch.float64), torch.rand(5, dtype=torch.float64) + 0.1
    return Restriction(hidden.to(dtype), real, mean.to(dtype), sd.to(dtype), least_noise)


def expected_information(one: Restriction, alpha: torch.Tensor) -> torch.Tensor:
    mu = alpha.sigmoid()
    passed = Normal(mu * one.hidden + (1 - mu) * one.mean, (1 - mu) * one.sd)
    return kl_divergence(passed, Normal(one.mean, one.sd))


@pytest.mark.parametrize("alpha", ALPHAS[::6].tolist())
def test_information_is_the_divergence_of_two_normals(alpha):
    one = restriction()
    alphas = torch.full_like(one.hidden, alpha)
    expected = expected_information(one, alphas)
    found = one.information(alphas)
    torch.testing.assert_close(found[one.real], expected[one.real], rtol=1e-9, atol=1e-12)
    assert not found[~one.real].any()


def test_information_keeps_its_digits_in_float32():
    """Where μ is small, 1 + log v − v cancels: of it, little would be left."""
    exact, rounded = restriction(), restriction(dtype=torch.float32)
    exact.hidden[:] = exact.mean  # so that nothing else is in the sum
    rounded.hidden[:] = rounded.mean
    for alpha in ALPHAS:
        alphas = torch.full_like(exact.hidden, float(alpha))
        expected = exact.information(alphas)
        found = rounded.information(alphas.float()).double()
        torch.testing.assert_close(found, expected, rtol=2e-3, atol=0)


def test_mean_information_leaves_padding_out():
    one = restriction()
    torch.manual_seed(1)
    alphas = torch.randn_like(one.hidden)
    expected = expected_information(one, alphas)
    means = one.mean_information(alphas)
    assert means[0] == pytest.approx(expected[0].mean().item())
    assert means[1] == pytest.approx(expected[1, :3].mean().item())


def test_the_slope_of_mean_information_is_its_derivative():
    one = restriction()
    torch.manual_seed(1)
    alphas = (4 * torch.randn_like(one.hidden)).requires_grad_(True)
    expected = expected_information(one, alphas)
    loss = expected[0].mean() + expected[1, :3].mean()
    (slope,) = torch.autograd.grad(loss, alphas)
    torch.testing.assert_close(one.mean_information_slope(alphas.detach()), slope)


@pytest.mark.parametrize("least_noise", [0.0, 0.3])
def test_what_passes_and_its_derivative(least_noise):
    one = restriction(least_noise)
    torch.manual_seed(1)
    alphas = (2 * torch.randn_like(one.hidden)).requires_grad_(True)
    noise = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    weights = torch.randn_like(noise) * one.real[:, None, :, None]
    mu = alphas.sigmoid()[:, None]
    spread = (1 - mu).clamp_min(least_noise) * one.sd
    expected = mu * one.hidden[:, None] + (1 - mu) * one.mean + spread * noise
    (slope,) = torch.autograd.grad((weights * expected).sum(), alphas)
    found = one.passed(alphas.detach(), noise)
    torch.testing.assert_close(found, expected.detach())
    torch.testing.assert_close(one.passed_slope(alphas.detach(), noise, weights), slope)


def test_an_open_bottleneck_passes_everything_and_a_closed_one_noise():
    one = restriction()
    noise = torch.randn(2, 1, 4, 5, dtype=torch.float64)
    passed = one.passed(torch.full_like(one.hidden, 40.0), noise)
    torch.testing.assert_close(passed[:, 0], one.hidden)
    passed = one.passed(torch.full_like(one.hidden, -40.0), noise)
    torch.testing.assert_close(passed[:, 0], one.mean + one.sd * noise[:, 0])
