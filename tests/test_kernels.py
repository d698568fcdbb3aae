"""The linear module on oneDNN gives what torch's own gives, forward and backward."""

import pytest
import torch

from relevance_neurons.kernels import FrozenLinear, freeze_linear


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3, 5, 12), (1, 12), (0, 12)])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_torch(dtype, shape, bias):
    torch.manual_seed(0)
    linear = torch.nn.Linear(12, 7, bias=bias, dtype=dtype)
    inputs = torch.randn(shape, dtype=dtype)
    results = []
    for module in (linear, FrozenLinear(linear).requires_grad_(False)):
        x = inputs.clone().requires_grad_()
        outputs = module(x)
        (gradient,) = torch.autograd.grad(outputs.sin().sum(), x)
        results.append((outputs.detach(), gradient))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_a_models_modules_are_replaced_in_place():
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Sequential(torch.nn.Linear(4, 2)))
    weight = model[0].weight
    inputs = torch.randn(3, 4)
    expected = model(inputs)
    freeze_linear(model.eval())
    assert isinstance(model[0], FrozenLinear) and isinstance(model[1][0], FrozenLinear)
    assert model[0].weight is weight and not weight.requires_grad and not model[0].training
    torch.testing.assert_close(model(inputs), expected)
