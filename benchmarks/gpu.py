"""What attribution and re-ranking cost on a GPU, as a Markdown table.

Run: python benchmarks/gpu.py. Weights and texts are random; ``--device cpu --shape tiny`` goes
through the same steps without a GPU. Work is 2 × the multiply-adds that a ranker needs: the last
layer at the first token alone but for keys and values, and no gradients of weights.
"""

import argparse
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import numpy as np
import torch

import passes
import rankers
from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.attribution.attribute import attribute
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.attribution.tracing import EncoderTracer
from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.memory import BATCH_TOKENS, GPU_SHARE, Memory
from relevance_neurons.rankers.reranker import Reranker

SHAPES = {"large": (24, 1024), "base": (12, 768), "minilm": (12, 384), "tiny": (2, 64)}
TOKENS, ABLATIONS = 83, 20


class Bench:
    """A model as a ranker and as transformers runs it, and the rates of the machine's products."""

    def __init__(self, shape: str, device: torch.device) -> None:
        self.device, self.on_gpu = device, device.type == "cuda"
        self.layers, self.width = SHAPES[shape]
        self.stock, model = (rankers.stock_model(*SHAPES[shape]).to(device) for _ in range(2))
        self.ranker = Reranker(model, rankers.tokenizer(), find_architecture(model), 512)
        self.n_pairs, self.repeats = (4, 2) if shape == "tiny" else (64, 5)
        self.rates = {"attribution": float("nan"), "ranking": float("nan")}
        n_rows = passes.POINTS * max(1, self.memory().batch_tokens // (passes.POINTS * TOKENS))
        self.rows = {k: x.to(device) for k, x in passes.inputs(self.width, n_rows, TOKENS).items()}
        tracer = EncoderTracer(self.ranker.encoder, self.ranker.neurons.blocks)
        self.score_rows = partial(passes.scored, self.ranker, tracer, self.rows)

    def memory(self) -> Memory:
        """What suits the device, with nothing left over from earlier work; the peak is reset."""
        if self.on_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        return self.ranker.memory()

    def seconds(self, work: str, *runs: Callable[[], object]) -> list[float]:
        """Median of each, waited for, in the arithmetic of "attribution" or "ranking"."""
        wait = torch.cuda.synchronize if self.on_gpu else lambda: None
        waiting = {str(i): lambda run=run: (run(), wait()) for i, run in enumerate(runs)}
        with self.ranker.precision(work):
            return list(rankers.interleaved(waiting, self.repeats).values())

    def rate(self, work: str, flops: float, seconds: float) -> str:
        """TFLOP/s, and as a share of what plain products reach in this arithmetic."""
        found, arithmetic = 1e-12 * flops / seconds, self.ranker.arithmetic(work)
        return f"{found:.3g} TFLOP/s, {found / self.rates[work]:.0%} of products in {arithmetic}"

    def flops(self, n_tokens: int, backward: bool = False) -> float:
        """Of one row through the ranker."""
        linear = 2 * self.width**2 * (n_tokens * (12 * self.layers - 10) + 10)
        attention = 4 * self.width * n_tokens * (n_tokens * (self.layers - 1) + 1)
        return 2 * linear + 3 * attention if backward else linear + attention


def products(bench: Bench, work: str) -> dict[str, str]:
    """Rates of a layer's products, and in ``bench.rates`` that of all of them."""
    w, n_rows = bench.width, min(16384, bench.memory().batch_tokens)
    arithmetic = bench.ranker.arithmetic(work)
    kind = torch.bfloat16 if arithmetic == "bfloat16" else torch.float32
    draw = partial(torch.randn, device=bench.device, dtype=kind)
    shapes = [(w, w), (w, 3 * w), (w, 4 * w), (4 * w, w)]
    given = [(draw(n_rows, n_in), draw(n_out, n_in).t()) for n_in, n_out in shapes]
    times = bench.seconds(work, *(lambda x=x, y=y: [x @ y for _ in range(10)] for x, y in given))
    flops = [20e-12 * n_rows * n_in * n_out for n_in, n_out in shapes]
    found = {f"{n_rows} × {shapes[i][0]} × {shapes[i][1]}": flops[i] / times[i] for i in range(4)}
    found["all of these"] = bench.rates[work] = sum(flops) / sum(times)
    return {f"products in {arithmetic}, {n}": f"{x:.3g} TFLOP/s" for n, x in found.items()}


def scored_pass(bench: Bench) -> dict[str, str]:
    """A pass of an attribution, against the stock model's forward and backward."""
    floor, n_rows = partial(passes.floor, bench.stock, bench.rows), len(bench.rows["changes"])
    times = bench.seconds("attribution", floor, bench.score_rows)
    rates = [bench.rate("attribution", n_rows * bench.flops(TOKENS, True), t) for t in times]
    name = f"stock forward and backward, {n_rows} rows of {TOKENS} tokens"
    ratio = f"{times[1] / times[0]:.2f} × the stock time"
    return {name: rates[0], "scored pass of the same rows": f"{rates[1]}, {ratio}"}


def attributed(bench: Bench) -> dict[str, str]:
    """The adaptive grid end to end, and the memory that it takes."""
    pairs, chosen = rankers.texts(bench.n_pairs), bench.memory().batch_tokens
    (seconds,) = bench.seconds("attribution", partial(attribute, bench.ranker, pairs))
    peak = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if bench.on_gpu else "no GPU"
    points = attribute(bench.ranker, pairs).checks()["n_points"].to_list()
    lengths = [len(pair) for pair in bench.ranker.encode(pairs)]
    flops = sum(n * bench.flops(t, True) for n, t in zip(points, lengths, strict=True))
    shape = f"{np.mean(points):.1f} points and {np.mean(lengths):.0f} tokens a pair"
    return {
        f"attribute(), {len(pairs)} pairs": f"{len(pairs) / seconds:.1f} pairs/s, {shape}",
        "attribute(), work needed": bench.rate("attribution", flops, seconds),
        "tokens a pass": f"{chosen}, after attribute() {bench.ranker.memory().batch_tokens}",
        "attribute(), peak GPU memory": peak,
    }


def ranking(bench: Bench) -> dict[str, str]:
    """Re-ranking, plain and under ablations; the work is that of one ranking, done anew."""
    ranker, memory, frame = bench.ranker, bench.memory(), bench.ranker.neurons.frame()
    pairs, sizes = rankers.texts(16 * bench.n_pairs), [len(frame) // 10**n + 1 for n in (4, 3, 2)]
    sets = [frame.sample(sizes[i % 3], seed=i) for i in range(ABLATIONS)]
    under = partial(rerank_under_ablations, ranker, pairs, memory=memory)
    runs = partial(ranker.score, pairs), partial(under, [None]), partial(under, sets)
    *times, ablated = bench.seconds("ranking", *runs)
    names = "plain", "ours", "each ablation"
    flops, found = sum(bench.flops(len(pair)) for pair in ranker.encode(pairs)), {}
    for name, t in zip(names, [*times, ablated / ABLATIONS], strict=True):
        speed = f"{len(pairs) / t:.0f} pairs/s, {t / times[0]:.2f} × the time of plain"
        found[f"re-ranking, {name}"] = f"{speed}, {bench.rate('ranking', flops, t)}"
    return found


def profiled(bench: Bench) -> dict[str, str]:
    """What the scored pass spends its time on."""
    (seconds,) = bench.seconds("attribution", bench.score_rows)
    with torch.profiler.profile() as found:
        bench.score_rows()
    events = [e for e in found.key_averages() if e.device_type.name.lower() == bench.device.type]
    times = {e.key: e.self_device_time_total or e.self_cpu_time_total for e in events}
    top, total = sorted(times, key=times.get, reverse=True)[:10], sum(times.values())
    shares = {f"kernel {name[:60].replace('|', '/')}": f"{times[name] / total:.1%}" for name in top}
    return {**shares, "all kernels / time of a scored pass": f"{1e-6 * total / seconds:.2f}"}


def compiled_trace(bench: Bench) -> dict[str, str]:
    """Gradients of the embeddings alone: autograd does not see inside what is compiled."""
    own = partial(bench.ranker.encoder.trace, tap=lambda *_: None)
    models = [lambda f=f, **x: SimpleNamespace(logits=f(x)) for f in (own, torch.compile(own))]
    runs = [partial(passes.floor, model, bench.rows) for model in models]
    eager, compiled = bench.seconds("attribution", *runs)
    return {"our forward and backward, torch.compile / eager": f"{compiled / eager:.2f}"}


def graph(run: Callable[[], object]) -> Callable[[], object]:
    """The same from a CUDA graph."""
    captured = torch.cuda.CUDAGraph()
    run()
    with torch.cuda.graph(captured):
        run()
    return captured.replay


def plain_forward(bench: Bench, name: str) -> dict[str, str]:
    """A variant of the plain forward pass of a fixed shape, without padding."""
    bench.memory()
    ids = torch.randint(4, 2000, (BATCH_TOKENS // TOKENS, TOKENS), device=bench.device)
    plain = lambda model=bench.ranker.model: model(input_ids=ids).logits  # noqa: E731
    model = rankers.stock_model(bench.layers, bench.width).to(bench.device).bfloat16()
    halves = lambda run: partial(run, model)  # noqa: E731
    with torch.inference_mode(), bench.ranker.precision("ranking"):
        changed = {"torch.compile": torch.compile, "CUDA graph": graph}.get(name, halves)
        before, after = bench.seconds("ranking", plain, changed(plain))
    return {f"plain forward, {len(ids)} × {TOKENS} tokens, {name} / eager": f"{after / before:.2f}"}


def recovery(bench: Bench) -> dict[str, str]:
    """A pass four times as large as what fits, in a part of the GPU that is no larger."""
    usual, first = bench.memory(), Settings().first_points
    pairs = rankers.texts(4 * usual.batch_tokens // (first * TOKENS) + 1, seed=2)
    expected = {c.pair: x for c, x in score_pairs(bench.ranker, pairs, Settings(), usual)}
    asked = first * len(pairs) * max(len(pair) for pair in bench.ranker.encode(pairs))
    memory = Memory(asked, bench.memory().kept_bytes)
    if bench.on_gpu:
        share = GPU_SHARE * torch.cuda.mem_get_info()[0] / torch.cuda.mem_get_info()[1]
        torch.cuda.set_per_process_memory_fraction(share)
    scored = score_pairs(bench.ranker, pairs, Settings(), memory)
    apart = max(np.linalg.norm(x - expected[c.pair]) / np.linalg.norm(x) for c, x in scored)
    if bench.on_gpu:
        torch.cuda.set_per_process_memory_fraction(1.0)
    found = f"{memory.batch_tokens} taken, scores at most {apart:.1e} apart"
    return {f"{asked} tokens a pass asked for": found}


def show(measure: Callable[..., dict[str, str]], bench: Bench, *name: str) -> None:
    """Print what ``measure`` finds, or why it failed."""
    try:
        found = measure(bench, *name)
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        found = {" ".join([measure.__name__, *name]): f"failed: {reason}"}
    print("\n".join(f"| {name} | {value} |" for name, value in found.items()), flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--shape", choices=SHAPES, default="large")
    chosen = parser.parse_args()
    if chosen.device != "cpu" and not torch.cuda.is_available():
        print("no GPU here: nothing was measured")
        return
    torch.set_flush_denormal(True)
    bench = Bench(chosen.shape, torch.device(chosen.device))
    machine = torch.cuda.get_device_name() if bench.on_gpu else "a CPU"
    print(f"| {bench.layers} × {bench.width}, {machine} | torch {torch.__version__} |\n|---|---|")
    show(products, bench, "attribution")
    show(products, bench, "ranking")
    for measure in (scored_pass, attributed, ranking, profiled, compiled_trace, recovery):
        show(measure, bench)
    for name in ("bfloat16 weights", "torch.compile", "CUDA graph"):
        show(plain_forward, bench, name)


if __name__ == "__main__":
    main()
