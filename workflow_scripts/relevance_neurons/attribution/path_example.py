"""One real pair along its path: F, and what two neurons add to it (Vast et al. 2024, figure 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch

from relevance_neurons.attribution.paths import Paths
from relevance_neurons.attribution.quadrature import path_points
from relevance_neurons.attribution.tracing import Traced, Tracer, find_tracer, trace
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.tokenizing import token_texts

N_POINTS = 101


@dataclass(frozen=True)
class Curves:
    """F, dF/dα, and y and ∂F/∂y of neurons of a block, along a path.

    ``values`` and ``slopes`` have shape (n_points,), ``outputs`` and ``gradients`` (n_points,
    n_tokens, n_neurons); n_tokens is 1 where the ranker computes the block for one token alone.
    """

    values: np.ndarray
    slopes: np.ndarray
    outputs: np.ndarray
    gradients: np.ndarray

    def contributions(self) -> np.ndarray:
        """What each piece of the path adds by the trapezoid rule: (n_points, n_tokens, n_neurons).

        The first is 0; their sum over points and tokens is the pair's score (equation 1).
        """
        steps = np.diff(self.outputs, axis=0)
        means = (self.gradients[1:] + self.gradients[:-1]) / 2
        return np.concatenate([np.zeros_like(self.outputs[:1]), steps * means])


def median_pair(checks: pl.DataFrame) -> tuple[str, str]:
    """(query_id, doc_id) of the pair whose F changes by the median (of two, the lower) amount.

    ``checks``: query_id, doc_id, f_input, f_baseline.
    """
    change = (pl.col("f_input") - pl.col("f_baseline")).abs()
    ordered = checks.sort(change, "query_id", "doc_id")
    return ordered.select("query_id", "doc_id").row((len(ordered) - 1) // 2)


def trace_path(
    reranker: Reranker,
    pair: tuple[str, str],
    scores: pl.DataFrame,
    label: str,
    baseline: str,
    target: str,
    n_points: int = N_POINTS,
) -> pl.DataFrame:
    """F and two neurons at equally spaced points of the path of ``pair`` (query, passage).

    ``scores``: layer, component, neuron, score (a map). The important neuron has the highest
    score; the unimportant one is, of those of the same module that this path moves at least as
    much as it moves the module's median neuron, the one whose score is nearest to 0.

    A row per neuron and point: series (important, unimportant), layer, component, neuron, score,
    token_index and token (where the neuron contributes most to this pair), alpha, f, slope
    (dF/dα), activation and gradient (∂F/∂ of it) at that token, contribution (up to this point,
    over all tokens: at alpha 1 the pair's score by the trapezoid rule), query, passage.
    """
    encoded = reranker.encode([pair])
    paths, tracer = Paths(reranker, encoded, baseline), find_tracer(reranker, encoded)

    def curves(block: Block, numbers: Sequence[int], points: Sequence[float]) -> Curves:
        return _curves(reranker, tracer, paths, (block, numbers), points, (label, target))

    important = scores.sort(pl.col("score"), descending=True, maintain_order=True).row(
        0, named=True
    )
    block = _block(reranker, important)
    ends = curves(block, range(block.size), (0.0, 1.0)).outputs
    moved = np.abs(ends[1] - ends[0]).sum(axis=0)
    unimportant = _unimportant(scores, important, block, moved)
    numbers = [row["neuron"] - block.first_neuron for row in (important, unimportant)]
    points = path_points(n_points)
    found = curves(block, numbers, points)
    tokens = token_texts(reranker.tokenizer, encoded[0].input_ids)
    frames = [
        _series(name, row, found, place, points, tokens)
        for place, (name, row) in enumerate(
            (("important", important), ("unimportant", unimportant))
        )
    ]
    return pl.concat(frames).with_columns(query=pl.lit(pair[0]), passage=pl.lit(pair[1]))


def _curves(
    reranker: Reranker,
    tracer: Tracer,
    paths: Paths,
    wanted: tuple[Block, Sequence[int]],
    points: Sequence[float],
    of: tuple[str, str],
) -> Curves:
    """Trace ``points``, some at a time, and keep the wanted neurons of a block alone."""
    block, numbers = wanted
    key, columns = next((key, columns) for one, key, columns in tracer.places if one == block)
    kept = [columns.start + number for number in numbers]
    size = max(1, reranker.memory().batch_tokens // paths.n_tokens)
    parts = []
    for start in range(0, len(points), size):
        alphas = torch.tensor(points[start : start + size], dtype=torch.float64)
        rows = [one.expand(len(alphas), -1, -1) for one in (paths.starts, paths.changes)]
        others = {name: one.expand(len(alphas), -1) for name, one in paths.others.items()}
        traced = trace(reranker, tracer, *rows, alphas, others, *of)
        parts.append(_kept(traced, key, kept))
    return Curves(*map(np.concatenate, zip(*parts, strict=True)))


def _kept(traced: Traced, key: object, columns: list[int]) -> list[np.ndarray]:
    neurons = [one[key][..., columns] for one in (traced.outputs, traced.gradients)]
    return [one.double().cpu().numpy() for one in (traced.values, traced.slopes, *neurons)]


def _block(reranker: Reranker, neuron: dict) -> Block:
    named = pl.DataFrame([{name: neuron[name] for name in NEURON_COLUMNS}])
    return next(iter(reranker.neurons.select(named)))


def _unimportant(scores: pl.DataFrame, important: dict, block: Block, moved: np.ndarray) -> dict:
    """The row of ``scores``; ``moved``: how far the path moves each neuron of the block."""
    movement = pl.DataFrame(
        {"neuron": block.first_neuron + np.arange(block.size), "moved": moved},
        schema_overrides={"neuron": scores.schema["neuron"]},
    )
    candidates = (
        scores.filter(layer=important["layer"], component=important["component"])
        .join(movement, on="neuron", how="inner")
        .filter(
            pl.col("moved") >= pl.col("moved").median(), pl.col("neuron") != important["neuron"]
        )
    )
    if candidates.is_empty():
        raise UserError(
            f"figure 1: {important['component']} of layer {important['layer']} has only neuron "
            f"{important['neuron']}; a second one is needed beside it"
        )
    return candidates.sort(pl.col("score").abs(), "neuron").row(0, named=True)


def _series(
    name: str,
    neuron: dict,
    curves: Curves,
    place: int,
    points: Sequence[float],
    tokens: Sequence[str],
) -> pl.DataFrame:
    contributions = curves.contributions()[..., place]
    token = int(np.abs(contributions.sum(axis=0)).argmax())
    names = {key: pl.lit(neuron[key]) for key in (*NEURON_COLUMNS, "score")}
    here = {"token_index": pl.lit(token), "token": pl.lit(tokens[token])}
    frame = pl.DataFrame(
        {
            "alpha": points,
            "f": curves.values,
            "slope": curves.slopes,
            "activation": curves.outputs[:, token, place],
            "gradient": curves.gradients[:, token, place],
            "contribution": contributions.sum(axis=1).cumsum(),
        }
    )
    return frame.select(pl.lit(name).alias("series"), *_named(names), *_named(here), pl.all())


def _named(columns: dict[str, pl.Expr]) -> list[pl.Expr]:
    return [column.alias(name) for name, column in columns.items()]
