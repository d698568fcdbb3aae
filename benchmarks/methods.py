"""What each method of scoring neurons costs a pair, against one forward and backward pass.

Run: python benchmarks/methods.py MODEL COLLECTION, with a ranker and a folder of docs.tsv,
queries.tsv and qrels.txt. The floor is a forward pass and a backward pass to the embeddings of the
same pairs, in the same batches, through the stock model with frozen weights. It is taken as
transformers runs it, and with the products of ``kernels.py`` in it. All are taken in turns in one
process; the costly methods, where told to, once. On a busy machine take --processor-time.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import polars as pl
import torch
from transformers import AutoModelForSequenceClassification

import rankers
from relevance_neurons import attribute, load_reranker, measure_activations
from relevance_neurons.attribution import gradient_x_activation
from relevance_neurons.attribution.methods import METHODS
from relevance_neurons.attribution.tracing import StockTracer, find_tracer
from relevance_neurons.rankers.kernels import freeze_linear
from relevance_neurons.rankers.memory import length_batches
from relevance_neurons.rankers.reranker import Reranker

Pairs = list[tuple[str, str]]
CHEAP = ("gradient_x_activation", "activation_size", "weight_x_activation", "random")
"""What takes at most a forward and a backward pass a pair."""


def batches(ranker: Reranker, pairs: Pairs) -> Iterator[dict[str, torch.Tensor]]:
    """The pairs in the batches in which a method of one pass takes them."""
    encoded = ranker.encode(pairs)
    for rows in length_batches([len(pair) for pair in encoded], ranker.memory()):
        yield ranker.collate([encoded[row] for row in rows])


def floor(model, ranker: Reranker, pairs: Pairs, backward: bool = True) -> None:
    """One forward pass, and one backward pass to the embeddings, of each pair."""
    for batch in batches(ranker, pairs):
        line = model.get_input_embeddings()(batch.pop("input_ids")).requires_grad_(backward)
        with torch.set_grad_enabled(backward):
            value = model(inputs_embeds=line, **batch).logits.softmax(-1)[:, -1]
        if backward:
            torch.autograd.grad(value.sum(), line)


def with_hooks(ranker: Reranker, pairs: Pairs) -> None:
    """Gradient × activation on the model's own forward pass."""
    gradient_x_activation.find_tracer = lambda one, _encoded: StockTracer(one)
    try:
        attribute(ranker, pairs, method="gradient_x_activation")
    finally:
        gradient_x_activation.find_tracer = find_tracer


def runs_of(
    ranker: Reranker, pairs: Pairs, names: tuple[str, ...], options: Mapping[str, Mapping]
) -> dict[str, Callable[[], object]]:
    """A call of ``attribute`` for each method."""
    return {
        name: lambda name=name: attribute(ranker, pairs, method=name, **options.get(name, {}))
        for name in names
    }


def within_query(ranker: Reranker, pairs: Pairs) -> Callable[[], object]:
    """Gradient × activation of LambdaRank's target, queries of eight pairs."""
    numbers = range(len(pairs))
    judgments = pl.DataFrame(
        {"query_id": [row // 8 for row in numbers], "gain": [row % 2 for row in numbers]}
    )
    options = {"target": "lambda", "judgments": judgments}
    return lambda: attribute(ranker, pairs, method="gradient_x_activation", **options)


def table(times: Mapping[str, float], n_pairs: int) -> None:
    """Print a row for each run: ms a pair, and the time through that of both floors."""
    print("| run | ms a pair | / stock floor | / floor, our products |")
    print("|---|---|---|---|")
    for name, seconds in times.items():
        ratios = [seconds / times[one] for one in ("stock floor", "floor, our products")]
        cells = " | ".join(f"{one:.2f}" for one in (1000 * seconds / n_pairs, *ratios))
        print(f"| {name} | {cells} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("collection", type=Path)
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--costly", nargs="*", default=[], help="of " + ", ".join(METHODS))
    parser.add_argument("--processor-time", action="store_true", help="of one thread")
    asked = parser.parse_args()
    clock = time.process_time if asked.processor_time else time.perf_counter
    if asked.processor_time:
        torch.set_num_threads(1)
    ranker = load_reranker(asked.model, max_length=asked.max_length, device="cpu")
    pairs = rankers.judged_pairs(asked.collection, asked.pairs)
    stock, same = (
        AutoModelForSequenceClassification.from_pretrained(asked.model).float().eval()
        for _ in range(2)
    )
    stock.requires_grad_(False)
    freeze_linear(same)
    runs = {
        "stock floor": lambda: floor(stock, ranker, pairs),
        "floor, our products": lambda: floor(same, ranker, pairs),
        "stock forward pass": lambda: floor(stock, ranker, pairs, backward=False),
        **runs_of(ranker, pairs, CHEAP, {}),
        "gradient_x_activation, mean": lambda: attribute(
            ranker,
            pairs,
            method="gradient_x_activation",
            reference="mean",
            activations=activations,
        ),
        "gradient_x_activation, lambda": within_query(ranker, pairs),
        "gradient_x_activation, hooks": lambda: with_hooks(ranker, pairs),
    }
    activations = measure_activations(ranker, pairs)
    times = rankers.interleaved(runs, asked.repeats, clock=clock)
    screen = attribute(ranker, pairs, method="gradient_x_activation").frame()
    costly = runs_of(ranker, pairs, tuple(asked.costly), {"single_ablation": {"screen": screen}})
    times |= rankers.interleaved(costly, repeats=1, uncounted=0, clock=clock)
    table(times, len(pairs))


if __name__ == "__main__":
    main()
