"""Re-ranking under K ablations against K plain re-rankings.

Run: python benchmarks/ablations.py. Plain is the stock model in batches of like length; the sets
are random ones of a study's sizes (0.01, 0.1 and 1 % of the neurons), each over all layers, and
ones that lie in the upper half of the layers alone.
"""

import polars as pl
import torch

import rankers
from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.rankers.kernels import freeze_linear
from relevance_neurons.rankers.memory import length_batches

SETS, REPEATS = 12, 3


@torch.inference_mode()
def plain(model, ranker, pairs) -> None:
    """log p(relevant) of each pair by the model itself."""
    encoded = ranker.encode(pairs)
    for rows in length_batches([len(pair) for pair in encoded], ranker.memory()):
        model(**ranker.collate([encoded[row] for row in rows])).logits.log_softmax(-1)


def sets(ranker, upper_half: bool) -> list[pl.DataFrame]:
    """As many sets of each size."""
    frame = ranker.neurons.frame()
    if upper_half:
        frame = frame.filter(pl.col("layer") >= ranker.neurons.n_layers // 2)
    sizes = [max(1, round(level / 100 * len(ranker.neurons))) for level in (0.01, 0.1, 1)]
    return [frame.sample(sizes[i % 3], seed=i) for i in range(SETS)]


def compare(layers: int, width: int, n_pairs: int, upper_half: bool) -> None:
    """Print one row of the table."""
    stock, ranker = rankers.stock_model(layers, width), rankers.reranker(layers, width)
    same_kernels = freeze_linear(rankers.stock_model(layers, width))
    pairs, chosen = rankers.texts(n_pairs), sets(ranker, upper_half)
    times = rankers.interleaved(
        {
            "stock": lambda: plain(stock, ranker, pairs),
            "same kernels": lambda: plain(same_kernels, ranker, pairs),
            "ablations": lambda: rerank_under_ablations(ranker, pairs, chosen),
        },
        REPEATS,
    )
    each = times["ablations"] / SETS
    where = "the upper half" if upper_half else "all layers"
    rates = " | ".join(f"{n_pairs / one:.0f}" for one in (times["stock"], each))
    ratios = f"{each / times['stock']:.2f} | {each / times['same kernels']:.2f}"
    print(f"| {layers} × {width} | {where} | {rates} | {ratios} |", flush=True)


def main() -> None:
    """Print the table."""
    torch.set_flush_denormal(True)
    print(
        "| shape | neurons in | plain, pairs/s | an ablation, pairs/s | "
        "ablation / plain (stock) | ablation / plain (our products) |"
    )
    print("|---|---|---|---|---|---|")
    for layers, width, n_pairs in ((6, 384, 48), (12, 384, 24), (12, 768, 8)):
        for upper_half in (False, True):
            compare(layers, width, n_pairs, upper_half)


if __name__ == "__main__":
    main()
