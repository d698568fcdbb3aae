"""Answer for a model's layers, one after the other, in a forward pass of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import nn

from relevance_neurons.rankers.architectures import input_layers, layer_calls
from relevance_neurons.rankers.descriptions import DEBERTA_V2
from relevance_neurons.rankers.reranker import Reranker

Output: TypeAlias = torch.Tensor | tuple
"""Hidden states (n_rows, n_tokens, width), or a tuple of them and more."""
Stage = tuple[nn.Module, int]
"""A module and which of its calls in a pass."""
Answer = Callable[[int, torch.Tensor, Callable[..., Output]], Output]
"""Given a stage's number, the hidden states that enter it and what runs it: what it puts out.

What runs it takes other hidden states to enter it, if any are to.
"""


def stages_of(reranker: Reranker) -> tuple[list[Stage], list[int]]:
    """What runs one after the other on the hidden states, and the stage that ends each layer.

    That is the layer itself, of an encoder-decoder the encoder's; in DeBERTa's largest a
    convolution runs beside the first, whose end is where both are added up.
    """
    layers = input_layers(reranker.model, reranker.architecture)
    calls = layer_calls(layers)
    stages = [(layer, call or 0) for layer, call in zip(layers, calls, strict=True)]
    if reranker.architecture is not DEBERTA_V2 or reranker.model.base_model.encoder.conv is None:
        return stages, list(range(len(stages)))
    convolution = reranker.model.base_model.encoder.conv
    return [stages[0], (convolution, 0), *stages[1:]], list(range(1, len(stages) + 1))


@contextmanager
def answered(stages: Sequence[Stage], answer: Answer) -> Iterator[None]:
    """Within the block, which is for one pass, each stage puts out what ``answer`` says."""
    numbers = {stage: number for number, stage in enumerate(stages)}
    modules = list(dict.fromkeys(module for module, _ in stages))
    before = {module: vars(module).get("forward") for module in modules}
    calls: Counter[nn.Module] = Counter()

    def answering(module: nn.Module, forward: Callable[..., Output]) -> Callable[..., Output]:
        def run(*inputs: Any, **named: Any) -> Output:
            number = numbers[module, calls[module]]
            calls[module] += 1
            hidden = inputs[0] if inputs else named["hidden_states"]

            def ahead(entering: torch.Tensor = hidden) -> Output:
                if inputs:
                    return forward(entering, *inputs[1:], **named)
                return forward(**named | {"hidden_states": entering})

            return answer(number, hidden, ahead)

        return run

    try:
        for module in modules:
            module.forward = answering(module, module.forward)
        yield
    finally:
        for module in modules:
            vars(module).pop("forward", None)
            if before[module] is not None:
                module.forward = before[module]
