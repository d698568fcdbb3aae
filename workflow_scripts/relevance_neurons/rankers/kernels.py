"""A linear module with frozen weights that uses oneDNN for float32 on a CPU.

Torch hands float32 products to MKL, which takes its slower path on processors of other makers:
oneDNN's kernels ran 2.2 times as fast on an AMD processor with AVX-512, forward and backward, with
the same rounding error. ``benchmarks/linear.py`` measures it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.functional import linear
from transformers.activations import GELUActivation

_onednn = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


class FrozenLinear(nn.Linear):
    """``nn.Linear`` whose weights take no gradient; it shares the weights of the module ``of``."""

    def __init__(self, of: nn.Linear) -> None:
        super().__init__(of.in_features, of.out_features, device="meta")
        self.weight = of.weight
        self.bias = of.bias
        self._cast: tuple | None = None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """``inputs`` (…, in_features) to (…, out_features)."""
        if torch.is_autocast_enabled(inputs.device.type):
            return self._in(torch.get_autocast_dtype(inputs.device.type), inputs)
        if not _takes_onednn(inputs, self.weight):
            return super().forward(inputs)
        if torch.is_grad_enabled() and inputs.requires_grad:
            return _Product.apply(inputs, self.weight, self.bias)
        return _onednn(inputs, self.weight, self.bias, "none", [], "")

    def _in(self, dtype: torch.dtype, inputs: torch.Tensor) -> torch.Tensor:
        """As autocast would, which casts frozen weights anew in every call: here they are kept."""
        held = [one for one in (self.weight, self.bias) if one is not None]
        version = (dtype, *((one.data_ptr(), one._version) for one in held))
        if self._cast is None or self._cast[0] != version:
            with torch.inference_mode(False), torch.no_grad():  # or no backward pass could use them
                self._cast = (version, [one.detach().to(dtype) for one in held])
        return linear(inputs.to(dtype), *self._cast[1])


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(context, inputs, weight, bias):
        context.save_for_backward(weight)
        return _onednn(inputs, weight.detach(), bias, "none", [], "")

    @staticmethod
    def backward(context, gradient):
        (weight,) = context.saved_tensors
        transposed = weight.detach().t()
        return _onednn(gradient.contiguous(), transposed, None, "none", [], ""), None, None


def freeze_linear(model: nn.Module) -> nn.Module:
    """Freeze ``model`` and put a ``FrozenLinear`` in place of each ``nn.Linear``."""
    model.requires_grad_(False)
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Linear:
                setattr(parent, name, FrozenLinear(child).train(child.training))
    return model


def joined(modules: Sequence[nn.Linear]) -> FrozenLinear:
    """One module that puts out what ``modules`` do, side by side, from the same input.

    The modules' weights become views of its own, so that nothing is held twice.
    """
    if all(module.bias is None for module in modules):
        bias = None
    else:
        bias = torch.cat([module.bias.detach() for module in modules])
    weight = torch.cat([module.weight.detach() for module in modules])
    result = FrozenLinear(nn.Linear(weight.shape[1], len(weight), device="meta"))
    result.weight = nn.Parameter(weight, requires_grad=False)
    result.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    sizes = [module.out_features for module in modules]
    for module, rows in zip(modules, weight.split(sizes), strict=True):
        module.weight = nn.Parameter(rows, requires_grad=False)
    return result


def product_plus(module: FrozenLinear, inputs: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """``module(inputs) + other``, in one step where oneDNN has it; without gradients."""
    if _takes_onednn(inputs, module.weight):
        return _onednn.binary(inputs, other, module.weight, module.bias, "add")
    return module(inputs) + other


def product_gelu(module: FrozenLinear, activation, inputs: torch.Tensor) -> torch.Tensor:
    """``activation(module(inputs))``, in one step where it is GELU and oneDNN has it."""
    if _takes_onednn(inputs, module.weight) and isinstance(activation, GELUActivation):
        return _onednn(inputs, module.weight, module.bias, "gelu", [], "none")
    return activation(module(inputs))


@contextmanager
def matrix_precision(name: str) -> Iterator[None]:
    """Within the block, how exact float32 products are: "highest", or "high" (TF32 on a GPU)."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _takes_onednn(inputs: torch.Tensor, weight: torch.Tensor) -> bool:
    return (
        _onednn is not None
        and torch.backends.mkldnn.is_available()
        and inputs.dtype == weight.dtype == torch.float32
        and inputs.device.type == "cpu"
        and inputs.numel() > 0
        and not torch.is_autocast_enabled("cpu")
    )
