"""The information bottleneck against the plain loop of public code, in one run.

Run: python benchmarks/tokens.py [--model FOLDER_OR_HUB_ID] [--collection FOLDER]; by default a
random 6 × 384 BERT and made-up text. The plain loop takes a pair at a time, its samples as rows,
through the whole stock model with a hook at the layer. It is timed as public code runs it, which
has torch compute the gradients of all weights too, and with frozen weights. All take the same
pairs, steps and samples, in turns; ours takes the states of all layers from one pass. Fewer --steps
change the ratios little. On a busy machine take --processor-time.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification

import rankers
from relevance_neurons import load_reranker
from relevance_neurons.rankers.architectures import encoder_layers
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.tokens.bottleneck import all_layers
from relevance_neurons.tokens.statistics import measure_statistics

LABEL = 1
LAYERS, WIDTH = 6, 384
"""Of the random ranker."""


class PlainLoop:
    """The published loop: one pair, ``samples`` rows, a hook that restricts one layer's output."""

    def __init__(self, ranker: Reranker, model, statistics, beta: float) -> None:
        self.ranker, self.model, self.beta = ranker, model, beta
        self.layers = encoder_layers(model, ranker.architecture)
        self.spread = {
            layer: [
                torch.tensor(own[name].to_numpy(), dtype=torch.float32)
                for name in ("mean", "standard_deviation")
            ]
            for (layer,), own in statistics.group_by("layer")
        }

    def scores(self, encoded, layer: int, steps: int, samples: int) -> torch.Tensor:
        """Of one pair's tokens: shape (n_tokens,)."""
        inputs = self.ranker.collate([encoded])
        rows = {name: x.expand(samples, -1) for name, x in inputs.items()}
        alpha = torch.full((1, len(encoded), len(self.spread[layer][0])), 5.0).requires_grad_()
        adam = torch.optim.Adam([alpha], lr=1.0)
        information = []

        def restrict(_module, _inputs, output):
            hidden = output[0] if isinstance(output, tuple) else output
            passed, found = self._restricted(hidden, alpha, layer)
            information.append(found)
            return (passed, *output[1:]) if isinstance(output, tuple) else passed

        handle = self.layers[layer].register_forward_hook(restrict)
        labels = torch.full((samples,), LABEL)
        for _ in range(steps):
            adam.zero_grad()
            entropy = self._entropy(self.model(**rows).logits, labels)
            (entropy + self.beta * information[-1].mean()).backward()
            adam.step()
        handle.remove()
        return information[-1][0].sum(-1).detach()

    def _restricted(self, hidden, alpha, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What passes, and its information."""
        mean, sd = self.spread[layer]
        mu = alpha.sigmoid().expand(len(hidden), -1, -1)
        signal = mu * (hidden - mean) / sd
        log_variance = torch.log((1 - mu) ** 2)
        passed = signal + (log_variance / 2).exp() * torch.randn_like(signal)
        information = -0.5 * (1 + log_variance - signal**2 - log_variance.exp())
        return passed * sd + mean, information

    def _entropy(self, logits, labels) -> torch.Tensor:
        if logits.shape[-1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=-1)
        return cross_entropy(logits, labels)


def loaded(name: str | None, max_length: int):
    """The ranker, and its stock model twice: with frozen weights and without."""
    if name is None:
        ranker = rankers.reranker(LAYERS, WIDTH, max_length)
        frozen, free = (rankers.stock_model(LAYERS, WIDTH) for _ in range(2))
    else:
        ranker = load_reranker(name, max_length=max_length, device="cpu")
        frozen, free = (
            AutoModelForSequenceClassification.from_pretrained(name).float().eval()
            for _ in range(2)
        )
    return ranker, frozen.requires_grad_(False), free.requires_grad_(True)


def runs(
    ranker: Reranker,
    loops: Mapping[str, PlainLoop],
    pairs,
    layers: Sequence[int],
    statistics,
    asked,
) -> dict[str, Callable[[], object]]:
    """What is timed at some layers."""
    numbers = {"steps": asked.steps, "samples": asked.samples}
    encoded = ranker.encode(pairs)

    def looped(loop: PlainLoop) -> None:
        for pair in encoded:
            for layer in layers:
                loop.scores(pair, layer, **numbers)

    return {
        "ours": lambda: list(all_layers(ranker, pairs, "relevant", layers, statistics, **numbers)),
        "forward pass": lambda: ranker.score(pairs),
        **{kind: (lambda loop=loop: looped(loop)) for kind, loop in loops.items()},
    }


def options() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a folder or hub id")
    parser.add_argument("--collection", type=Path, help="docs.tsv, queries.tsv and qrels.txt")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--layers", type=int, nargs="*", help="by default the two middle ones")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--each-alone", action="store_true", help="leave all layers at once out")
    parser.add_argument("--processor-time", action="store_true", help="of one thread")
    return parser.parse_args()


def main() -> None:
    """Print the table: single layers, then all."""
    asked = options()
    clock = time.process_time if asked.processor_time else time.perf_counter
    if asked.processor_time:
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    ranker, frozen, free = loaded(asked.model, asked.max_length)
    texts = rankers.judged_pairs(asked.collection, asked.pairs) if asked.collection else None
    pairs = texts or rankers.texts(asked.pairs)
    statistics = measure_statistics(ranker, pairs, "relevant")
    loops = {
        kind: PlainLoop(ranker, model, statistics, float(statistics["beta"][0]))
        for kind, model in (("published", free), ("frozen", frozen))
    }
    n_layers = statistics["layer"].n_unique()
    chosen = asked.layers or sorted({(n_layers - 1) // 2, n_layers // 2})
    rows = [(f"layer {layer} of {n_layers}", [layer]) for layer in chosen]
    if not asked.each_alone:
        rows.append(("all layers", list(range(n_layers))))
    print(f"{len(pairs)} pairs of {[len(pair) for pair in ranker.encode(pairs)]} tokens\n")
    print(
        "| bottleneck at | ms a pair | forward passes a pair | published loop / ours "
        "| the same, weights frozen / ours |"
    )
    print("|---|---|---|---|---|")
    for name, layers in rows:
        timed = runs(ranker, loops, pairs, layers, statistics, asked)
        times = rankers.interleaved(timed, asked.repeats, uncounted=0, clock=clock)
        ours = times["ours"]
        ratios = " | ".join(f"{times[kind] / ours:.1f}" for kind in loops)
        cost = f"{1000 * ours / len(pairs):.0f} | {ours / times['forward pass']:.0f}"
        print(f"| {name} | {cost} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
