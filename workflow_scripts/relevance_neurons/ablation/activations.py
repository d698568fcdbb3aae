"""How large each neuron's output is: what ``ablate(…, value="mean")`` puts in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.reranker import Reranker, check_reranker
from relevance_neurons.rankers.taps import Tap, tapped
from relevance_neurons.running.progress import Progress


def measure_activations(
    reranker: Reranker, pairs: Sequence[tuple[str, str]], memory: Memory | None = None
) -> pl.DataFrame:
    """A row per neuron: layer, component, neuron, mean, root_mean_square, n_tokens.

    Both means are over all tokens of all ``pairs`` of (query, passage): special tokens count,
    padding does not, and a long pair counts for more than a short one. They are of the output
    after its bias, where an ablation replaces it (``intermediate``: before the activation
    function). In the last layer, of which most rankers read the first token alone, they are over
    all tokens just the same, so that a neuron's mean means one thing in every layer. In MonoT5's
    decoder, which writes one token, n_tokens of what sees that token alone is the number of pairs.

    The ranker's own forward pass is taken, once for each pair, in the arithmetic of attribution;
    sums are in float64. Raises ``UserError`` for no pairs.
    """
    check_reranker(reranker)
    encoded = reranker.encode(pairs)
    if not encoded:
        raise UserError("pairs: none were given; at least one is needed to measure activations")
    memory = memory or reranker.memory()
    totals = np.zeros((3, len(reranker.neurons)))

    def measure(rows: Sequence[int]) -> np.ndarray:
        return _batch_sums(reranker, reranker.collate([encoded[row] for row in rows]))

    with Progress(len(encoded), "measuring activations") as progress:
        for rows in length_batches([len(pair) for pair in encoded], memory):
            for part, sums in halving(rows, memory, measure):
                totals += sums
                progress.update(len(part))
    n_tokens, total, squares = totals
    return reranker.neurons.frame().with_columns(
        mean=pl.Series(total / n_tokens),
        root_mean_square=pl.Series(np.sqrt(squares / n_tokens)),
        n_tokens=pl.Series(n_tokens.astype(np.int64)),
    )


@torch.inference_mode()
def _batch_sums(reranker: Reranker, batch: Mapping[str, torch.Tensor]) -> np.ndarray:
    """Tokens, sum and sum of squares of each neuron's outputs, shape (3, n_neurons)."""
    sums = torch.zeros((3, len(reranker.neurons)), dtype=torch.float64)
    blocks: dict[torch.nn.Module, list[Block]] = {}
    for block in reranker.neurons.blocks:
        blocks.setdefault(block.module, []).append(block)
    real = batch["attention_mask"].bool()

    def tap(own: Sequence[Block]) -> Tap:
        def add(call: int, output: torch.Tensor) -> None:
            here = [block for block in own if call == (block.call or 0)]
            if not here:
                return
            # A decoder that writes one token has outputs of that token alone.
            seen = output[real] if output.shape[:-1] == real.shape else output.flatten(0, -2)
            seen = seen.double()
            found = torch.stack([seen.sum(0), seen.square().sum(0)]).cpu()
            for block in here:
                sums[0, block.slice] = len(seen)
                sums[1:, block.slice] = found[:, block.columns]

        return add

    taps = {module: tap(own) for module, own in blocks.items()}
    with tapped(reranker.model, taps), reranker.precision("attribution"):
        reranker.model(**batch)
    return sums.numpy()
