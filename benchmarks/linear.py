"""How much faster float32 products run on oneDNN than on torch's default (see kernels.py).

Run: .venv/bin/python benchmarks/linear.py. Prints the rate of both, forward and backward, in
GFLOP/s (medians of interleaved runs), and their ratio.
"""

import statistics
import time

import torch

from relevance_neurons.rankers.kernels import FrozenLinear

ROWS, REPEATS = 2000, 40


def seconds(module: torch.nn.Module, inputs: torch.Tensor) -> float:
    """Time of one forward and backward pass to the inputs."""
    start = time.perf_counter()
    outputs = module(inputs)
    torch.autograd.grad(outputs, inputs, torch.ones_like(outputs))
    return time.perf_counter() - start


def main() -> None:
    """Print a row for each shape of a small and a large encoder."""
    print("in × out        torch   oneDNN   ratio")
    for width, outputs in ((384, 384), (384, 1536), (1536, 384), (1024, 1024), (1024, 4096)):
        plain = torch.nn.Linear(width, outputs).requires_grad_(False)
        modules = {"torch": plain, "oneDNN": FrozenLinear(plain).requires_grad_(False)}
        inputs = torch.randn(ROWS, width, requires_grad=True)
        times = {name: [] for name in modules}
        for _ in range(REPEATS):
            for name, module in modules.items():
                times[name].append(seconds(module, inputs))
        rates = [4e-9 * ROWS * width * outputs / statistics.median(t) for t in times.values()]
        ratio = rates[1] / rates[0]
        print(f"{width:5d} × {outputs:<5d} {rates[0]:7.0f}  {rates[1]:7.0f} {ratio:7.2f}")


if __name__ == "__main__":
    main()
