"""Look at, or replace, what modules put out while the model runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

Tap = Callable[[int, torch.Tensor], torch.Tensor | None]
"""Given which call of the module this is in the forward pass (from 0), and its output."""


@contextmanager
def tapped(
    model: nn.Module, taps: Mapping[nn.Module, Tap], inputs: Mapping[nn.Module, Tap] | None = None
) -> Iterator[None]:
    """Within the block, each module of ``taps`` hands its output to its tap.

    What a tap returns takes the output's place; None leaves it. A module that puts out a tuple
    hands over the first of it, for reading only. Calls are counted anew in each forward pass.
    Those of ``inputs`` hand over what enters them, their first input, in the same way.
    """
    inputs = inputs or {}
    calls: dict[nn.Module, int] = {}
    entered: dict[nn.Module, int] = {}

    def start(_model: nn.Module, _inputs: tuple) -> None:
        calls.clear()
        entered.clear()

    def hook(module: nn.Module, _inputs: tuple, output: Any) -> torch.Tensor | None:
        call = calls.get(module, 0)
        calls[module] = call + 1
        return taps[module](call, output[0] if isinstance(output, tuple) else output)

    def enter(module: nn.Module, given: tuple) -> tuple | None:
        call = entered.get(module, 0)
        entered[module] = call + 1
        found = inputs[module](call, given[0])
        return None if found is None else (found, *given[1:])

    with ExitStack() as hooks:
        hooks.callback(model.register_forward_pre_hook(start).remove)
        for module in taps:
            hooks.callback(module.register_forward_hook(hook).remove)
        for module in inputs:
            hooks.callback(module.register_forward_pre_hook(enter).remove)
        yield
