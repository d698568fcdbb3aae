"""Which neurons are an attention head's: of its query, key and value, and of what it puts out."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch

from relevance_neurons.mechanism.sites import ATTENTION_OUTPUT, PROJECTIONS
from relevance_neurons.rankers.heads import Heads
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.reranker import Reranker

OF_KINDS = ("is_matching", "is_relevance")


def head_neurons(reranker: Reranker, heads: pl.DataFrame | None = None) -> pl.DataFrame:
    """Every neuron of the attention of ``reranker`` with the head that it belongs to.

    A neuron of query, key or value is of the head whose column it is (share 1). One of the
    attention's output adds up what all heads put out, each weighted by its own columns of the
    weights: it is of the head with the largest share of its squared weights (of equal ones the
    first); without any weight it is of none, head and share null. ``heads``: layer, head,
    is_matching, is_relevance of every head, or None, which leaves these null.

    Returns layer, component, neuron, head, is_matching, is_relevance, share, in the order of the
    ranker's neurons. Raises ``UserError`` where heads cannot be told apart (``Heads.of``).
    """
    of = Heads.of(reranker)
    parts = [
        _of_outputs(block, of) if block.component == ATTENTION_OUTPUT else _of_columns(block, of)
        for block in reranker.neurons.blocks
        if block.component in (*PROJECTIONS, ATTENTION_OUTPUT)
    ]
    found = pl.concat(parts)
    if heads is None:
        found = found.with_columns(pl.lit(None, pl.Boolean).alias(name) for name in OF_KINDS)
    else:
        kinds = heads.select(pl.col("layer", "head").cast(pl.Int32), *OF_KINDS)
        found = found.join(kinds, on=["layer", "head"], how="left", maintain_order="left")
    return found.select("layer", "component", "neuron", "head", *OF_KINDS, "share")


def _of_columns(block: Block, heads: Heads) -> pl.DataFrame:
    numbers = block.first_neuron + np.arange(block.size)
    return _rows(block, numbers // heads.size, np.ones(block.size))


def _of_outputs(block: Block, heads: Heads) -> pl.DataFrame:
    weights = block.module.weight.detach()[block.columns].to("cpu", torch.float64).numpy()
    squared = (weights**2).reshape(block.size, heads.n_heads, heads.size).sum(axis=2)
    whole = squared.sum(axis=1)
    of = squared.argmax(axis=1)
    shares = squared[np.arange(block.size), of] / np.where(whole > 0, whole, 1)
    known = pl.Series("known", whole > 0)
    rows = _rows(block, of, shares)
    return rows.with_columns(pl.when(known).then(name).alias(name) for name in ("head", "share"))


def _rows(block: Block, heads: np.ndarray, shares: np.ndarray) -> pl.DataFrame:
    """Of the neurons of a block: layer, component, neuron, head, share."""
    return pl.DataFrame(
        {
            "neuron": (block.first_neuron + np.arange(block.size)).astype(np.int32),
            "head": heads.astype(np.int32),
            "share": shares,
        }
    ).select(
        pl.lit(block.layer, pl.Int32).alias("layer"),
        pl.lit(block.component).alias("component"),
        pl.all(),
    )
