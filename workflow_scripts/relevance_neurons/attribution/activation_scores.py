"""Scores of one forward pass, which ask nothing about the ranking: sizes of outputs and inputs.

They are what a method with a gradient has to beat. The model's own forward pass is taken, so that
in the last layer, too, every token counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import nn

from relevance_neurons.attribution.batches import score_batches
from relevance_neurons.attribution.pair_scores import PairCheck
from relevance_neurons.attribution.tracing import StockTracer
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.reranker import Reranker

COST_FORWARDS = 1.0


def activation_size(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    *,
    label: str,
    memory: Memory | None = None,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and the root mean square of each neuron's output over its tokens.

    The output is that after the bias (``intermediate``: before the activation function); padding
    does not count. The check's F is the probability of ``label``.
    """
    yield from _scores(reranker, pairs, label, False, memory)


def weight_x_activation(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    *,
    label: str,
    memory: Memory | None = None,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and Σ_inputs |W_ij| · RMS of input j over its tokens, of neuron i.

    Wanda's criterion of a weight (Sun et al. 2024, "A Simple and Effective Pruning Approach for
    Large Language Models"), summed over the inputs of a neuron. Otherwise as ``activation_size``.
    """
    yield from _scores(reranker, pairs, label, True, memory)


def root_mean_square(values: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Over the tokens of each row that are ``real``, in at least float32: shape (n_rows, width).

    ``values`` has shape (n_rows, n_tokens, width), ``real`` (bool) that of its first two; a decoder
    that writes one token has outputs of that token alone, which is real.
    """
    squares = values.to(torch.promote_types(values.dtype, torch.float32)).square()
    if values.shape[:-1] != real.shape:
        return squares.mean(dim=1).sqrt()
    squares.mul_(real[..., None])
    return (squares.sum(dim=1) / real.sum(dim=1, keepdim=True)).sqrt()


def _scores(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    label: str,
    of_inputs: bool,
    memory: Memory | None,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Every pair's, from the sizes of the outputs of each module, or of its inputs."""
    tracer = StockTracer(reranker)
    wanted = {key for _, key, _ in tracer.places}

    @torch.inference_mode()
    def compute(batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        sizes: dict[object, torch.Tensor] = {}
        real = batch["attention_mask"].bool()

        def tap(key, output: torch.Tensor) -> None:
            if key in wanted:
                sizes[key] = root_mean_square(inputs[key[0]] if of_inputs else output, real)

        with _inputs({module for module, _ in wanted}) as inputs, reranker.precision("attribution"):
            value = reranker.target_value(tracer(batch, tap), label, "probability")
        if of_inputs:  # out of the block: products of sizes need no autocast
            sizes = {key: _weighted(key[0], size) for key, size in sizes.items()}
        parts = [sizes[key][:, columns] for _, key, columns in tracer.places]
        return value, torch.cat(parts, dim=1)

    yield from score_batches(reranker, reranker.encode(pairs), compute, COST_FORWARDS, memory)


def _weighted(module: nn.Linear, sizes: torch.Tensor) -> torch.Tensor:
    return sizes @ module.weight.to(sizes).abs().T


@contextmanager
def _inputs(modules: set[nn.Module]) -> Iterator[dict[nn.Module, torch.Tensor]]:
    """Within the block, the input of each module in its latest call."""
    latest: dict[nn.Module, torch.Tensor] = {}
    with ExitStack() as hooks:
        for module in modules:
            hook = module.register_forward_pre_hook(lambda m, given: latest.update({m: given[0]}))
            hooks.callback(hook.remove)
        yield latest
