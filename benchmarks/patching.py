"""Patches of all heads against the plain loop with hooks, in one run.

Run: python benchmarks/patching.py [--model FOLDER_OR_HUB_ID] [--collection FOLDER]; by default a
random 12 × 384 BERT and made-up text, its pairs with the words of the passage in reverse. The plain
loop takes a pair and a patch at a time through the whole stock model, with a hook at the head; the
perturbed run is recorded once. Both patch what every head puts out at all positions. Paths go from
every head to the last residual stream. On a busy machine take --processor-time.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification

import rankers
from relevance_neurons import load_reranker
from relevance_neurons.mechanism.patcher import Patcher
from relevance_neurons.mechanism.paths import patch_paths
from relevance_neurons.mechanism.runs import read_scores
from relevance_neurons.mechanism.sites import HEADS
from relevance_neurons.rankers.architectures import component_columns, encoder_layers

LAYERS, WIDTH = 12, 384
"""Of the random ranker, whose heads have 32 columns: 12 a layer."""


class PlainLoop:
    """A whole pass for each head of each pair, in which a hook replaces its columns."""

    def __init__(self, ranker, model, patcher: Patcher) -> None:
        self.ranker, self.model, self.heads = ranker, model, patcher.heads
        layers = encoder_layers(model, ranker.architecture)
        columns = (
            component_columns(one, ranker.architecture, "attention_output") for one in layers
        )
        self.modules = [one.module for (one,) in columns]

    @torch.no_grad()
    def scores(self, before, after) -> torch.Tensor:
        """Of one pair: shape (n_layers · n_heads,)."""
        recorded: list[torch.Tensor] = []
        hooks = [
            module.register_forward_pre_hook(lambda _, x: recorded.append(x[0].clone()))
            for module in self.modules
        ]
        self.model(**self.ranker.collate([after]))
        for hook in hooks:
            hook.remove()
        inputs, found = self.ranker.collate([before]), []
        for module, there in zip(self.modules, recorded, strict=True):
            for head in range(self.heads.n_heads):
                columns = self.heads.columns(head)

                def put(_module, given, there=there, columns=columns):
                    changed = given[0].clone()
                    changed[..., columns] = there[..., columns]
                    return (changed, *given[1:])

                hook = module.register_forward_pre_hook(put)
                found.append(read_scores(self.ranker, self.model(**inputs).logits))
                hook.remove()
        return torch.cat(found)


@torch.inference_mode()
def patched(patcher: Patcher, before, after, memory) -> torch.Tensor:
    """What the loop computes, of all pairs: (n_pairs, n_layers · n_heads)."""
    run, other, found = patcher.run(before), patcher.run(after), []
    everywhere = run.states.real
    size = max(1, memory.batch_tokens // everywhere.numel())
    for layer in range(patcher.heads.n_layers):
        read = patcher.tokens_read(layer, HEADS)
        here, there = run.at(layer, HEADS)[:, read], other.at(layer, HEADS)[:, read]
        patches = [(everywhere[:, read], head) for head in range(patcher.heads.n_heads)]
        for start in range(0, len(patches), size):
            given = patcher.changed(here, there, patches[start : start + size])
            found.append(patcher.scores(run, layer, HEADS, given).unflatten(0, (len(here), -1)))
    return torch.cat(found, 1)


def options() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a folder or hub id")
    parser.add_argument("--collection", type=Path, help="docs.tsv, queries.tsv and qrels.txt")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--at-once", type=int, default=2, help="pairs that go through together")
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processor-time", action="store_true", help="of one thread")
    return parser.parse_args()


def loaded(name: str | None, max_length: int):
    """The ranker, and its stock model as a user would load it."""
    if name is None:
        return rankers.reranker(LAYERS, WIDTH, max_length), rankers.stock_model(LAYERS, WIDTH)
    model = AutoModelForSequenceClassification.from_pretrained(name).float().eval()
    return load_reranker(name, max_length=max_length, device="cpu"), model.requires_grad_(False)


def perturbed(passage: str) -> str:
    """Its words in reverse order, which are as many tokens."""
    return " ".join(reversed(passage.split()))


def runs(ranker, model, pairs, at_once: int) -> dict[str, Callable[[], object]]:
    """What is timed."""
    before = ranker.encode(pairs)
    after = ranker.encode([(query, perturbed(passage)) for query, passage in pairs])
    memory, patcher = ranker.memory(), Patcher.open(ranker, before)
    loop = PlainLoop(ranker, model, patcher)
    parts = [slice(start, start + at_once) for start in range(0, len(pairs), at_once)]
    if list(map(len, before)) != list(map(len, after)):
        raise SystemExit("passages are cut at --max-length: take more")
    return {
        "patches": lambda: [patched(patcher, before[one], after[one], memory) for one in parts],
        "paths": lambda: [
            patch_paths(patcher, before[one], after[one], None, memory) for one in parts
        ],
        "plain loop": lambda: [loop.scores(*one) for one in zip(before, after, strict=True)],
        "forward pass": lambda: [ranker.score([pair]) for pair in pairs],
    }


def main() -> None:
    """Print the table."""
    asked = options()
    clock = time.process_time if asked.processor_time else time.perf_counter
    if asked.processor_time:
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    ranker, model = loaded(asked.model, asked.max_length)
    texts = rankers.judged_pairs(asked.collection, asked.pairs) if asked.collection else None
    pairs = texts or rankers.texts(asked.pairs)
    timed = runs(ranker, model, pairs, asked.at_once)
    found, expected = torch.cat(timed["patches"]()), torch.stack(timed["plain loop"]())
    times = rankers.interleaved(timed, asked.repeats, uncounted=0, clock=clock)
    n_heads = found.shape[1]
    print(f"{len(pairs)} pairs of {[len(pair) for pair in ranker.encode(pairs)]} tokens")
    print(f"largest difference from the loop: {float((found - expected).abs().max()):.1e}\n")
    print("| of all heads | ms a pair | forward passes a head | plain loop / ours |")
    print("|---|---|---|---|")
    for what in ("patches", "paths"):
        each = times[what] / times["forward pass"] / n_heads
        ratio = times["plain loop"] / times[what]
        print(f"| {what} | {1000 * times[what] / len(pairs):.0f} | {each:.2f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
