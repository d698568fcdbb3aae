"""A scored pass against its floor, and against Captum (METHOD, section 5).

Run: python benchmarks/passes.py. The floor is a forward pass and a backward pass to the input
embeddings of the same rows through the stock model with frozen weights: what any attribution must
pay. It is taken twice: as transformers runs it, and with the products of ``kernels.py`` in it.
Captum takes a pass of the stock model for each module; it gets the same number of points.
"""

import numpy as np
import torch
from captum.attr import LayerConductance

import rankers
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.attribution.quadrature import UniformGrid, assemble
from relevance_neurons.attribution.rows import reduced
from relevance_neurons.attribution.tracing import EncoderTracer, StockTracer, trace
from relevance_neurons.rankers.kernels import freeze_linear

POINTS, REPEATS = 9, 7
SAME = 4
"""Our call takes the pair so many times, and counts for one: Captum has no start to pay for."""


def inputs(width: int, n_rows: int, n_tokens: int) -> dict[str, torch.Tensor]:
    """Rows of a path: the change of the embeddings, and the model's other inputs."""
    torch.manual_seed(1)
    return {
        "changes": 0.05 * torch.randn(n_rows, n_tokens, width),
        "attention_mask": torch.ones(n_rows, n_tokens, dtype=torch.long),
        "token_type_ids": torch.zeros(n_rows, n_tokens, dtype=torch.long),
    }


def floor(model, rows) -> None:
    """One forward pass, and one backward pass to the embeddings."""
    line = rows["changes"].clone().requires_grad_()
    others = {name: x for name, x in rows.items() if name != "changes"}
    p = model(inputs_embeds=line, **others).logits.softmax(-1)[:, 1]
    torch.autograd.grad(p.sum(), line)


def scored(ranker, tracer, rows) -> None:
    """The same with the scores of every neuron."""
    others = {name: x for name, x in rows.items() if name != "changes"}
    changes = rows["changes"]
    alphas = torch.linspace(0, 1, len(changes))
    zeros = torch.zeros_like(changes)
    traced = trace(ranker, tracer, zeros, changes, alphas, others, "relevant", "probability")
    grid = UniformGrid("simpson", POINTS)
    points = grid.wanted(POINTS)
    matrix = torch.from_numpy(assemble(grid.add(points, [], [], None), points))
    matrix = matrix.to(changes.device)
    for start in range(0, len(changes), POINTS):
        part = traced.part(slice(start, start + POINTS))
        for key, output in part.outputs.items():
            reduced(matrix, [(output, part.gradients[key])])


def against_floor(layers: int, width: int, n_pairs: int, n_tokens: int) -> None:
    """Print one row of the first table."""
    stock, ranker = rankers.stock_model(layers, width), rankers.reranker(layers, width)
    same_kernels = freeze_linear(rankers.stock_model(layers, width))
    rows = inputs(width, n_pairs * POINTS, n_tokens)
    with_hooks = StockTracer(ranker)
    own = EncoderTracer(ranker.encoder, ranker.neurons.blocks)
    times = rankers.interleaved(
        {
            "stock": lambda: floor(stock, rows),
            "same kernels": lambda: floor(same_kernels, rows),
            "hooks": lambda: scored(ranker, with_hooks, rows),
            "own": lambda: scored(ranker, own, rows),
        },
        REPEATS,
    )
    tokens = n_pairs * POINTS * n_tokens
    floors = [times["stock"], times["same kernels"]]
    ratios = [f"{times[name] / one:.2f}" for name in ("own", "hooks") for one in floors]
    micros = " | ".join(f"{1e6 * one / tokens:.0f}" for one in (*floors, times["own"]))
    print(f"| {layers} × {width} | {n_tokens} | {micros} | {' | '.join(ratios)} |", flush=True)


def captum(model, modules, line, others, n_points: int) -> None:
    """Every module's conductance, one by one."""

    def forward(embeddings, mask, types):
        outputs = model(inputs_embeds=embeddings, attention_mask=mask, token_type_ids=types)
        return outputs.logits.softmax(-1)

    for module in modules:
        LayerConductance(forward, module).attribute(
            line,
            baselines=torch.zeros_like(line),
            target=1,
            additional_forward_args=(others["attention_mask"], others["token_type_ids"]),
            n_steps=n_points - 1,
            method="riemann_trapezoid",
        )


def against_captum(layers: int, width: int, n_points: int, repeats: int) -> None:
    """Print one row of the second table: the left-end rule, which Captum computes too."""
    stock, ranker = rankers.stock_model(layers, width), rankers.reranker(layers, width)
    names = {module: name for name, module in ranker.model.named_modules()}
    modules = [stock.get_submodule(names[block.module]) for block in ranker.neurons.blocks]
    pair = rankers.texts(1)
    encoded = ranker.collate(ranker.encode(pair))
    line = ranker.model.get_input_embeddings()(encoded["input_ids"])
    settings = Settings(quadrature="left", n_points=n_points, baseline="zero")
    times = rankers.interleaved(
        {
            "captum": lambda: captum(stock, modules, line, encoded, n_points),
            "ours": lambda: list(score_pairs(ranker, SAME * pair, settings)),
        },
        repeats,
        uncounted=0 if repeats == 1 else 1,
    )
    ours = times["ours"] / SAME
    seconds, ratio = f"{times['captum']:.2f} | {ours:.3f}", times["captum"] / ours
    print(
        f"| {layers} × {width} | {len(modules)} | {n_points} | {seconds} | {ratio:.0f} |",
        flush=True,
    )


def main() -> None:
    """Print both tables."""
    torch.set_flush_denormal(True)
    np.random.seed(0)
    print(
        "| shape | tokens | µs/token: stock floor | floor, our products | scored pass "
        "| scored / stock floor | / floor, our products "
        "| with hooks / stock floor | / floor, our products |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for shape in (
        (6, 384, 4, 64),
        (6, 384, 4, 110),
        (6, 384, 2, 190),
        (12, 384, 2, 110),
        (12, 768, 1, 110),
        (24, 1024, 1, 64),
    ):
        against_floor(*shape)
    print("\n| shape | modules | points | Captum, s a pair | ours, s a pair | Captum / ours |")
    print("|---|---|---|---|---|---|")
    for shape in ((6, 384, 17, 2), (12, 384, 9, 1), (24, 384, 9, 1)):
        against_captum(*shape)


if __name__ == "__main__":
    main()
