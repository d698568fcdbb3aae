"""Neuron Integrated Gradients of every neuron at once.

One forward and one backward pass of a batch of path points gives the scores of all neurons: a
hook on each linear module's output meets the gradient on its way back and reduces it with the
output to a number per neuron (Vast et al. 2024, equation 1; Shrikumar et al. 2018).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl
import torch

from relevance_neurons.architectures import residual_cut
from relevance_neurons.baselines import Baseline, baseline_embeddings, find_baseline
from relevance_neurons.errors import UserError
from relevance_neurons.progress import Progress
from relevance_neurons.quadrature import chunks, path_points, weight_matrix
from relevance_neurons.reranker import BATCH_TOKENS, EncodedPair, Reranker, length_batches
from relevance_neurons.running_scores import RunningScores
from relevance_neurons.taps import tapped

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How a pair is attributed; see ``attribute``."""

    label: str = "relevant"
    baseline: str = "pad_all"
    target: str = "probability"
    quadrature: str = "trapezoid"
    n_points: int = 25


@dataclass(frozen=True)
class PairCheck:
    """How well pair number ``pair`` was integrated.

    ``cut_sum`` is the sum of the scores of a cut: the residual stream after the middle layer. As
    the number of points grows it tends to ``f_input - f_baseline`` (METHOD: exact identities).
    """

    pair: int
    f_input: float
    f_baseline: float
    cut_sum: float


@dataclass
class Attribution:
    """The mean scores over pairs and, per pair, what tells how far they can be trusted."""

    label: str
    n_points: int
    neurons: pl.DataFrame
    running: RunningScores
    checked: list[PairCheck] = field(default_factory=list)

    def frame(self) -> pl.DataFrame:
        """A row per neuron: layer, component, neuron, score, standard_error, n_pairs."""
        return self.neurons.with_columns(
            score=pl.Series(self.running.mean()),
            standard_error=pl.Series(self.running.standard_error()).fill_nan(None),
            n_pairs=pl.lit(self.running.n_pairs, dtype=pl.Int32),
        )

    def replicates(self) -> pl.DataFrame:
        """A row per neuron: layer, component, neuron, replicate_scores (a list of means)."""
        means = self.running.replicate_means().astype(np.float32)
        scores = pl.Series(np.ascontiguousarray(means.T), dtype=pl.Array(pl.Float32, len(means)))
        return self.neurons.with_columns(replicate_scores=scores.arr.to_list())

    def checks(self) -> pl.DataFrame:
        """A row per pair, in the order given: f_input, f_baseline, cut_sum, residual, n_points."""
        rows = sorted(self.checked, key=lambda row: row.pair)
        return pl.DataFrame(
            {
                "f_input": [row.f_input for row in rows],
                "f_baseline": [row.f_baseline for row in rows],
                "cut_sum": [row.cut_sum for row in rows],
            },
            schema=dict.fromkeys(("f_input", "f_baseline", "cut_sum"), pl.Float64),
        ).with_columns(
            residual=pl.col("cut_sum") - (pl.col("f_input") - pl.col("f_baseline")),
            n_points=pl.lit(self.n_points, dtype=pl.Int32),
        )


def attribute(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    label: str = "relevant",
    baseline: str = "pad_all",
    target: str = "probability",
    quadrature: str = "trapezoid",
    n_points: int = 25,
    bootstrap_replicates: int = 0,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
) -> Attribution:
    """Mean Neuron Integrated Gradients of every neuron over ``pairs`` of (query, passage).

    The path runs in word-embedding space from ``baseline`` (a name of ``BASELINES``) to the pair,
    over ``n_points`` points; F is the ``target`` of ``label``; ``quadrature`` is the rule of the
    integral. A pair's score is summed over its tokens. ``batch_tokens`` bounds the memory.

    Raises ``UserError`` for no pairs and for an unknown name.
    """
    if not pairs:
        raise UserError("attribute: no pairs were given; at least one is needed")
    if reranker.dtype == "bfloat16":
        logger.warning("bfloat16 changes a pair's scores by 5 to 15 %%: prefer dtype auto")
    settings = Settings(label, baseline, target, quadrature, n_points)
    running = RunningScores(len(reranker.neurons), bootstrap_replicates, seed)
    result = Attribution(label, n_points, reranker.neurons.frame(), running)
    with Progress(len(pairs), f"attribution ({label})") as progress:
        for check, scores in score_pairs(reranker, pairs, settings, batch_tokens):
            running.add(check.pair, scores)
            result.checked.append(check)
            progress.update()
    return result


def score_pairs(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    settings: Settings,
    batch_tokens: int = BATCH_TOKENS,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_neurons,); longest pairs first."""
    encoded = reranker.encode(pairs)
    points = path_points(settings.n_points)
    lengths = [len(pair) for pair in encoded]
    for batch in length_batches(lengths, batch_tokens, rows_each=len(points)):
        yield from _score_batch(
            reranker, batch, [encoded[i] for i in batch], settings, points, batch_tokens
        )


def _score_batch(
    reranker: Reranker,
    numbers: list[int],
    encoded: list[EncodedPair],
    settings: Settings,
    points: torch.Tensor,
    batch_tokens: int,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """All points of a few pairs; a path too long for one batch goes through in runs of points."""
    path = _Path(reranker, encoded, settings.baseline)
    scores = np.zeros((len(encoded), len(reranker.neurons)))
    cut_sums = np.zeros(len(encoded))
    values = np.zeros((len(encoded), len(points)))
    most = max(2, batch_tokens // (path.width * len(encoded)))
    for run in chunks(len(points), most):
        weights = weight_matrix(settings.quadrature, run.stop - run.start)
        with _Recorder(reranker, len(encoded), weights) as recorder:
            values[:, run] = path.backward(points[run], settings.label, settings.target)
        scores += recorder.scores()
        cut_sums += recorder.cut_sums()
    for row, number in enumerate(numbers):
        yield PairCheck(number, values[row, -1], values[row, 0], cut_sums[row]), scores[row]


class _Path:
    """The straight line x' + α (x − x') of a few pairs in word-embedding space."""

    def __init__(self, reranker: Reranker, encoded: list[EncodedPair], baseline: str) -> None:
        self.reranker = reranker
        batch = reranker.collate(encoded)
        self.width = batch["input_ids"].shape[1]
        self.inputs = reranker.model.get_input_embeddings()(batch.pop("input_ids"))
        self.baselines = baseline_batch(reranker, encoded, self.inputs, find_baseline(baseline))
        self.batch = batch

    def backward(self, points: torch.Tensor, label: str, target: str) -> np.ndarray:
        """Run the points through the model and back; return F, shape (n_pairs, n_points)."""
        n_pairs, n_points = len(self.inputs), len(points)
        alpha = points.to(self.inputs)[None, :, None, None]
        line = self.baselines[:, None] + alpha * (self.inputs - self.baselines)[:, None]
        line = line.flatten(0, 1).requires_grad_(True)
        others = {name: x.repeat_interleave(n_points, dim=0) for name, x in self.batch.items()}
        with torch.enable_grad(), self.reranker.precision("attribution"):
            logits = self.reranker.model(inputs_embeds=line, **others).logits
            value = self.reranker.target_value(logits, label, target)
            torch.autograd.grad(value.sum(), line)
        return value.detach().double().cpu().numpy().reshape(n_pairs, n_points)


def baseline_batch(
    reranker: Reranker, encoded: Sequence[EncodedPair], inputs: torch.Tensor, baseline: Baseline
) -> torch.Tensor:
    """x' of each pair: as ``inputs``, its word embeddings, shape (n_pairs, n_tokens, width).

    What pads a shorter pair to the batch's width stays as it is; attention masks it.
    """
    fillers = filler_vectors(reranker)
    if baseline.filler not in fillers:
        raise UserError("attribution.baseline: this tokenizer has no unknown token; use pad_all")
    result = inputs.clone()
    for row, pair in enumerate(encoded):
        fields, special = pair.fields.to(result.device), pair.special.to(result.device)
        own = inputs[row, : len(pair)]
        result[row, : len(pair)] = baseline_embeddings(baseline, own, fields, special, fillers)
    return result


def filler_vectors(reranker: Reranker) -> dict[str, torch.Tensor]:
    """Word embeddings of [PAD] and [UNK], and the zero vector; each of shape (width,)."""
    embed = reranker.model.get_input_embeddings()
    tokenizer = reranker.tokenizer
    vectors = {"pad": embed.weight[tokenizer.pad_token_id]}
    if tokenizer.unk_token_id is not None:
        vectors["unk"] = embed.weight[tokenizer.unk_token_id]
    return {**vectors, "zero": torch.zeros_like(vectors["pad"])}


class _Recorder:
    """Hooks that turn a forward and backward pass into scores, keeping one number per neuron.

    The batch holds ``n_pairs`` × n_points rows; ``weights`` is the rule's matrix M. Where the
    gradient g of a module's output y arrives, Σ_tokens Σ_k g_k · (M y)_k is formed, and y is free.
    """

    def __init__(self, reranker: Reranker, n_pairs: int, weights: torch.Tensor) -> None:
        self.reranker, self.n_pairs, self.weights = reranker, n_pairs, weights
        self.parts: dict[object, torch.Tensor] = {}
        self.hooks = ExitStack()

    def __enter__(self) -> _Recorder:
        modules = {block.module for block in self.reranker.neurons.blocks}
        taps = {module: partial(self._watch, module) for module in modules}
        cut, call = middle_layer_output(self.reranker)
        self.cut = ("cut", call or 0)
        taps[cut] = partial(self._watch, "cut")
        self.hooks.enter_context(tapped(self.reranker.model, taps))
        return self

    def __exit__(self, *exception) -> None:
        self.hooks.close()

    def scores(self) -> np.ndarray:
        """Shape (n_pairs, n_neurons), float64."""
        scores = np.zeros((self.n_pairs, len(self.reranker.neurons)))
        for block in self.reranker.neurons.blocks:
            part = self.parts.get((block.module, block.call or 0))
            if part is not None:  # else constant on the path: a decoder's first self-attention
                scores[:, block.slice] = part[:, block.columns].double().cpu().numpy()
        return scores

    def cut_sums(self) -> np.ndarray:
        """Sum of the scores of the residual stream after the middle layer, shape (n_pairs,)."""
        return self.parts[self.cut].double().sum(dim=1).cpu().numpy()

    def _watch(self, name: object, call: int, output: torch.Tensor) -> None:
        if len(output) % self.n_pairs == 0 and output.requires_grad:
            values = output.detach()
            output.register_hook(lambda gradient: self._reduce((name, call), values, gradient))

    def _reduce(self, key: object, values: torch.Tensor, gradient: torch.Tensor) -> None:
        """Σ_tokens Σ_k g_k · (M y)_k, shape (n_pairs, n_outputs)."""
        shape = (self.n_pairs, -1, values.shape[1] * values.shape[2])
        weighted = torch.matmul(self.weights.to(values), values.reshape(shape))
        products = weighted.mul_(gradient.reshape(shape).to(weighted.dtype))
        summed = products.sum(dim=1).unflatten(1, values.shape[1:]).sum(dim=1)
        self.parts[key] = summed


def middle_layer_output(reranker: Reranker) -> tuple[torch.nn.Module, int | None]:
    """The module, and which of its calls, whose output is the cut where every pair is checked."""
    return residual_cut(reranker.model, reranker.architecture)
