"""The linear module on oneDNN gives what torch's own gives, forward and backward."""

import pytest
import torch
from transformers.activations import ACT2FN

from relevance_neurons.rankers.kernels import (
    FrozenLinear,
    freeze_linear,
    joined,
    product_gelu,
    product_plus,
)


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


def frozen(inputs: int, outputs: int) -> FrozenLinear:
    return FrozenLinear(torch.nn.Linear(inputs, outputs)).requires_grad_(False)


@pytest.mark.parametrize("bias", [True, False])
def test_under_autocast_it_gives_what_torch_gives(bias):
    plain = torch.nn.Linear(12, 7, bias=bias).requires_grad_(False)
    module, inputs = FrozenLinear(plain), torch.randn(3, 5, 12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(module(inputs), plain(inputs))
        plain.weight.mul_(2)  # the copy in bfloat16 is not taken for that of other weights
        torch.testing.assert_close(module(inputs), plain(inputs))
        assert module(inputs).dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["gelu", "relu", "gelu_new"])
def test_an_activation_is_fused_or_not_with_the_same_outputs(name):
    module, inputs, activation = frozen(12, 7), torch.randn(3, 5, 12), ACT2FN[name]
    expected = activation(torch.nn.functional.linear(inputs, module.weight, module.bias))
    torch.testing.assert_close(product_gelu(module, activation, inputs), expected)


def test_a_sum_is_fused():
    module, inputs, other = frozen(12, 7), torch.randn(3, 5, 12), torch.randn(3, 5, 7)
    expected = torch.nn.functional.linear(inputs, module.weight, module.bias) + other
    torch.testing.assert_close(product_plus(module, inputs, other), expected)


def test_joined_modules_share_their_weights():
    modules, inputs = [frozen(12, size) for size in (7, 5)], torch.randn(4, 12)
    expected = torch.cat([module(inputs) for module in modules], dim=-1)
    together = joined(modules)
    torch.testing.assert_close(together(inputs), expected)
    assert modules[1].weight.data_ptr() == together.weight[7:].data_ptr()
    torch.testing.assert_close(modules[1](inputs), expected[:, 7:])
