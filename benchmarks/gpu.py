"""What attribution and re-ranking cost on a GPU, as a Markdown table.

Run: python benchmarks/gpu.py. It needs no files: weights and texts are random. ``--device cpu
--shape tiny`` goes through the same steps where there is no GPU. Times are medians of interleaved
runs, each waited for. Work is counted as 2 × the multiply-adads that a ranker needs: the last layer
at the first token alone but for its keys and values, and in the backward pass none for weights.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

import rankers
from relevance_neurons.ablation import rerank_under_ablations
from relevance_neurons.architectures import find_architecture
from relevance_neurons.attribution import attribute
from relevance_neurons.memory import GPU_SHARE, Memory
from relevance_neurons.pair_scores import Settings, reduced, score_pairs
from relevance_neurons.quadrature import UniformGrid, assemble
from relevance_neurons.reranker import BATCH_TOKENS, Reranker, length_batches
from relevance_neurons.tracing import EncoderTracer, trace

SHAPES = {"large": (24, 1024), "base": (12, 768), "minilm": (12, 384), "tiny": (2, 64)}
POINTS, TOKENS, ABLATIONS, ABSURD_TOKENS = Settings().first_points, 83, 20, 4_000_000

Section = Iterator[tuple[str, str]]
"""Rows of the table: what was measured, and what was found."""


@dataclass
class Bench:
    """The same model as a ranker and as transformers runs it, and how much is measured."""

    ranker: Reranker
    stock: torch.nn.Module
    n_attributed: int
    n_ranked: int
    repeats: int
    rates: dict[str, float] = field(default_factory=dict)

    def seconds(self, runs: dict[str, Callable[[], object]], work: str) -> dict[str, float]:
        """Median of each, waited for, in the arithmetic of "attribution" or "ranking"."""

        def waited(run):
            run()
            wait(self.ranker.device)

        with self.ranker.precision(work):
            return rankers.interleaved(
                {name: lambda run=run: waited(run) for name, run in runs.items()}, self.repeats
            )

    def rate(self, flops: float, seconds: float, work: str) -> str:
        """TFLOP/s, and the share of the rate of the machine's products in this arithmetic."""
        found = 1e-12 * flops / seconds
        share = found / self.rates.get(work, float("nan"))
        return f"{found:.3g} TFLOP/s, {share:.0%} of the {self.ranker.arithmetic(work)} products'"

    def flops(self, n_tokens: int, backward: bool = False) -> float:
        """Of one row."""
        layers, width = self.stock.config.num_hidden_layers - 1, self.stock.config.hidden_size
        linear = 2 * width**2 * (n_tokens * (12 * layers + 2) + 10)
        attention = 4 * width * n_tokens * (layers * n_tokens + 1)
        return 2 * linear + 3 * attention if backward else linear + attention

    def path(self) -> dict[str, torch.Tensor]:
        """As many pairs' first points, a row each, as an attribution takes in one pass."""
        torch.manual_seed(1)
        n_rows = POINTS * max(1, fresh_memory(self.ranker).batch_tokens // (POINTS * TOKENS))
        device, width = self.ranker.device, self.stock.config.hidden_size
        return {
            "inputs_embeds": 0.05 * torch.randn(n_rows, TOKENS, width, device=device),
            "attention_mask": torch.ones(n_rows, TOKENS, dtype=torch.long, device=device),
            "token_type_ids": torch.zeros(n_rows, TOKENS, dtype=torch.long, device=device),
        }


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def fresh_memory(ranker: Reranker) -> Memory:
    """What suits the device with nothing left over from earlier work."""
    if ranker.device.type == "cuda":
        torch.cuda.empty_cache()
    return Memory.of(ranker)


def products(bench: Bench) -> Section:
    """Rate of products"""
    width = bench.stock.config.hidden_size
    shapes = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)]
    n_rows = min(16384, fresh_memory(bench.ranker).batch_tokens)
    found = {}
    for work in ("attribution", "ranking"):
        dtype = torch.bfloat16 if bench.ranker.arithmetic(work) == "bfloat16" else torch.float32
        place = {"dtype": dtype, "device": bench.ranker.device}
        runs = {}
        for n_in, n_out in shapes:
            x, weight = torch.randn(n_rows, n_in, **place), torch.randn(n_out, n_in, **place)
            runs[n_in, n_out] = lambda x=x, w=weight: [x @ w.t() for _ in range(10)]
        times = bench.seconds(runs, work)
        flops = {shape: 20e-12 * n_rows * shape[0] * shape[1] for shape in shapes}
        found[work] = {shape: flops[shape] / times[shape] for shape in shapes}
        bench.rates[work] = sum(flops.values()) / sum(times.values())
    for shape in shapes:
        rates = [f"{bench.ranker.arithmetic(work)} {found[work][shape]:.3g}" for work in found]
        yield f"{n_rows} × {shape[0]} × {shape[1]}", f"{', '.join(rates)} TFLOP/s"
    rates = [f"{bench.ranker.arithmetic(work)} {rate:.3g}" for work, rate in bench.rates.items()]
    yield "all products of a layer", f"{', '.join(rates)} TFLOP/s"


def floor(forward: Callable, rows: dict[str, torch.Tensor]) -> None:
    """One forward pass, and one backward pass to the embeddings."""
    line = rows["inputs_embeds"].clone().requires_grad_()
    p = forward({**rows, "inputs_embeds": line}).softmax(-1)[:, 1]
    torch.autograd.grad(p.sum(), line)


def traced(bench: Bench, rows: dict[str, torch.Tensor], reduce: bool = True) -> None:
    """A pass that finds every neuron's output and gradient, and its score."""
    others = {name: x for name, x in rows.items() if name != "inputs_embeds"}
    changes = rows["inputs_embeds"]
    path = torch.zeros_like(changes), changes, torch.linspace(0, 1, len(changes)), others
    tracer = EncoderTracer(bench.ranker.encoder, bench.ranker.neurons.blocks)
    result = trace(bench.ranker, tracer, *path, "relevant", "probability")
    grid = UniformGrid("simpson", POINTS)
    points = grid.wanted(POINTS)
    matrix = assemble(grid.add(points, [], [], None), points)
    for start in range(0, len(changes) if reduce else 0, POINTS):
        part = result.part(slice(start, start + POINTS))
        for key, output in part.outputs.items():
            reduced(matrix, [(output, part.gradients[key])])


def attribution(bench: Bench) -> Section:
    """Attribution"""
    rows = bench.path()
    runs = {
        "stock": lambda: floor(lambda inputs: bench.stock(**inputs).logits, rows),
        "traced": lambda: traced(bench, rows, reduce=False),
        "scored": lambda: traced(bench, rows),
    }
    times = bench.seconds(runs, "attribution")
    n_rows = len(rows["inputs_embeds"])
    flops = n_rows * bench.flops(TOKENS, backward=True)
    size = f"{n_rows} rows of {TOKENS} tokens"
    yield f"scored pass, {size}", bench.rate(flops, times["scored"], "attribution")
    yield "forward and backward of the stock model", bench.rate(flops, times["stock"], "attribution")
    yield "scored pass / stock forward and backward", f"{times['scored'] / times['stock']:.2f}"
    yield "the same without the scores", f"{times['traced'] / times['stock']:.2f}"


def attributed_pairs(bench: Bench) -> Section:
    """attribute(), end to end"""
    pairs, found = rankers.texts(bench.n_attributed), []
    run = {"": lambda: found.append(attribute(bench.ranker, pairs))}
    seconds = bench.seconds(run, "attribution")[""]
    points = found[-1].checks()["n_points"].to_list()
    lengths = [len(pair) for pair in bench.ranker.encode(pairs)]
    flops = sum(n * bench.flops(t, True) for n, t in zip(points, lengths, strict=True))
    what = f"attribute(), {len(pairs)} pairs of {statistics.mean(lengths):.0f} tokens"
    points = f"{statistics.mean(points):.1f} points a pair"
    yield what, f"{len(pairs) / seconds:.1f} pairs/s, {points}"
    yield "the same, useful work", bench.rate(flops, seconds, "attribution")


@torch.inference_mode()
def ranked(ranker: Reranker, pairs, batch_tokens: int) -> None:
    """As ``Reranker.score``, in passes of another size."""
    encoded = ranker.encode(pairs)
    for rows in length_batches([len(pair) for pair in encoded], batch_tokens):
        ranker.model(**ranker.collate([encoded[row] for row in rows])).logits.log_softmax(-1).cpu()


def ranking(bench: Bench) -> Section:
    """Re-ranking"""
    ranker, pairs = bench.ranker, rankers.texts(bench.n_ranked, seed=1)
    memory, frame = fresh_memory(ranker), ranker.neurons.frame()
    shares = [1e-4, 1e-3, 1e-2]
    sets = [frame.sample(fraction=shares[i % 3], seed=i) for i in range(ABLATIONS)]
    runs = {
        f"score(), passes of {BATCH_TOKENS} tokens": lambda: ranker.score(pairs),
        f"plain, passes of {memory.batch_tokens} tokens": lambda: ranked(
            ranker, pairs, memory.batch_tokens
        ),
        f"each of {ABLATIONS} ablations": lambda: rerank_under_ablations(ranker, pairs, sets, memory),
    }
    times = dict(zip(runs, bench.seconds(runs, "ranking").values(), strict=True))
    *_, ablated = times
    times[ablated] /= ABLATIONS
    flops = sum(bench.flops(len(pair)) for pair in ranker.encode(pairs))
    plain = next(iter(times.values()))
    for name, seconds in times.items():
        rate = bench.rate(flops, seconds, "ranking")
        yield name, f"{len(pairs) / seconds:.0f} pairs/s, {seconds / plain:.2f} × score(), {rate}"
