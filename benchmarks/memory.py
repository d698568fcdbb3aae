"""Peak memory of an attribution: a curve over pairs and points, and monobert-large's at 512 tokens.

Run: python benchmarks/memory.py. Every row is a process of its own, whose largest resident set is
read when it ends (Linux counts it in KiB).
"""

import multiprocessing
import resource

import numpy as np
import torch

import rankers
from relevance_neurons.attribution.pair_scores import Settings, score_pairs


def peak(shape, n_pairs: int, n_tokens: int, settings: dict, batch_tokens: int | None, result):
    """Attribute pairs of ``n_tokens``; puts the peak in GiB before and after, and the points."""
    ranker = rankers.reranker(*shape)
    ranker.batch_tokens = batch_tokens
    random = np.random.default_rng(0)
    draw = lambda n: " ".join(random.choice(rankers.WORDS, n))  # noqa: E731
    pairs = [(draw(5), draw(n_tokens - 8)) for _ in range(n_pairs)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = [check.n_points for check, _ in score_pairs(ranker, pairs, Settings(**settings))]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tokens = ranker.memory().batch_tokens
    result.put((before / 2**20, after / 2**20, float(np.mean(found)), tokens))


def row(shape, n_pairs: int, n_tokens: int, settings: dict, batch_tokens: int | None = None):
    """Print one row of the table."""
    context = multiprocessing.get_context("spawn")
    result = context.Queue()
    process = context.Process(
        target=peak, args=(shape, n_pairs, n_tokens, settings, batch_tokens, result)
    )
    process.start()
    before, after, points, tokens = result.get()
    process.join()
    rule = settings.get("quadrature", "adaptive")
    cells = f"{n_pairs} | {rule}, {points:.0f} | {tokens} | {before:.2f} | {after:.2f}"
    print(f"| {shape[0]} × {shape[1]} | {n_tokens} | {cells} |", flush=True)


def main() -> None:
    """Print the table."""
    torch.set_flush_denormal(True)
    print(
        "| shape | tokens a pair | pairs | rule, points a pair | tokens a pass | loaded, GiB "
        "| peak, GiB |"
    )
    print("|---|---|---|---|---|---|---|")
    small, large = (6, 384), (24, 1024)
    for n_pairs in (2, 8, 32):
        row(small, n_pairs, 128, {})
    for n_points in (9, 33, 129, 513):
        row(small, 2, 128, {"quadrature": "trapezoid", "n_points": n_points})
    row(large, 1, 512, {"quadrature": "trapezoid", "n_points": 5}, 512)
    row(large, 1, 512, {"quadrature": "trapezoid", "n_points": 17}, 512)
    row(large, 1, 512, {}, 512)
    row(large, 1, 512, {})


if __name__ == "__main__":
    main()
