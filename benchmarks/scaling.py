"""How time and memory grow with pairs, shards, neurons, schemes, collections, draws, documents.

Run: python benchmarks/scaling.py [QUANTITY ...]; all of them take a quarter of an hour and 3 GB of
disk under $TMPDIR. Every point is a process of its own: what its resident set has grown by beyond
what was there when the work began (imports, the ranker) is the memory of the work. Inputs are made
up from fixed seeds. Linux only. docs/scaling.md reads the tables.
"""

import argparse
import math
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scaling_jobs import JOBS, Job, Work

BRIEF, REPEATS = 5.0, 5  # runs that take seconds in all are repeated, so often at most


@dataclass(frozen=True)
class Point:
    """What a job of one size took: seconds (a median), bytes before and at the peak, on disk."""

    size: int
    seconds: float
    before: int
    peak: int
    disk: int

    @property
    def memory(self) -> int:
        """Bytes that the work added."""
        return self.peak - self.before


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Slope of log cost on log size by least squares: the exponent where no cost is fixed."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def fit_growth(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Exponent and fixed cost of cost = fixed + each · size ** exponent.

    Candidates are shares of the smallest cost; best is the smallest squared error of the logarithm
    of the whole cost. Three points or more are needed: with three there is nothing left over.
    """
    sizes, costs = np.asarray(sizes, float), np.asarray(costs, float)
    best = (math.inf, 0.0, 0.0)
    for fixed in np.linspace(0, 0.999, 1000) * costs.min():
        exponent, each = np.polyfit(np.log(sizes), np.log(costs - fixed), 1)
        fitted = fixed + np.exp(each) * sizes**exponent
        error = float(np.sum(np.log(fitted / costs) ** 2))
        if error < best[0] - 1e-12:
            best = (error, float(exponent), float(fixed))
    return best[1:]


# ---- Measuring


def resident(field: str = "VmRSS") -> int:
    """Bytes of this process that are in memory, or (VmHWM) were at the peak."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split(f"{field}:")[1].split()[0])


def measure(job: Job, size: int, folder: Path) -> Point:
    """Do the work in this process, whose peak is forgotten first."""
    work = job.start(size, folder)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident()
    seconds = [_timed(work)]
    # Of the first run: a job of a study runs once. Linux counts what is in memory by processor and
    # adds up roughly, so that a peak can come out some pages below what was there before it.
    peak = max(before, resident("VmHWM"))
    while len(seconds) < REPEATS and sum(seconds) < BRIEF:
        seconds.append(_timed(work))
    disk = bytes_of(folder / job.made) if job.made else 0
    return Point(size, statistics.median(seconds), before, peak, disk)


def _timed(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bytes_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(one.stat().st_size for one in (path, *path.rglob("*")) if one.is_file())


def measure_apart(job: Job, size: int, folder: Path) -> Point:
    """Prepare here, do the work in a process of its own, which spills to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    job.prepare(size, folder)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=os.chdir, initargs=(folder,)) as process:
        return process.submit(measure, job, size, folder).result()


# ---- Printing

QUANTITIES = tuple(dict.fromkeys(job.quantity for job in JOBS))


def print_points(jobs: Sequence[Job], folder: Path) -> dict[Job, list[Point]]:
    """Measure and print every point, a row each."""
    print("| quantity | work | size | seconds | loaded, MiB | more at the peak, MiB | made, MB |")
    print("|---|---|---|---|---|---|---|")
    found: dict[Job, list[Point]] = {}
    for job in jobs:
        for size in job.sizes:
            point = measure_apart(job, size, folder / f"{job.quantity}-{size}")
            found.setdefault(job, []).append(point)
            memory = f"{point.before / 2**20:.0f} | {point.memory / 2**20:.1f}"
            disk = f"{point.disk / 1e6:.1f}" if job.made else "–"
            row = f"{job.quantity} | {job.name} | {size:,} | {point.seconds:.3g} | {memory}"
            print(f"| {row} | {disk} |", flush=True)
    return found


def print_growth(found: dict[Job, list[Point]]) -> None:
    """Print the exponents, and what one more costs between the two largest sizes."""
    print(
        "| quantity | work | sizes | time: exponent | beyond a fixed cost | fixed, s (share of the "
        "smallest, the largest) | one more, ms | memory: exponent | one more, KiB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for job, points in found.items():
        sizes, seconds = [p.size for p in points], [p.seconds for p in points]
        exponent, fixed = fit_growth(sizes, seconds)
        shares = f"{fixed / seconds[0]:.0%}, {fixed / seconds[-1]:.0%}"
        time_cells = f"{slope(sizes, seconds):.2f} | {exponent:.2f} | {fixed:.2g} ({shares})"
        more = points[-1].size - points[-2].size
        each = 1e3 * (seconds[-1] - seconds[-2]) / more
        memory = slope(sizes, [max(1, p.memory) for p in points])
        each_memory = (points[-1].memory - points[-2].memory) / more / 1024
        what = f"{job.quantity} | {job.name} | {sizes[0]:,} – {sizes[-1]:,}"
        print(f"| {what} | {time_cells} | {each:.3g} | {memory:.2f} | {each_memory:.3g} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quantity", nargs="*", metavar="QUANTITY", help=", ".join(QUANTITIES))
    chosen = parser.parse_args().quantity or QUANTITIES
    if unknown := set(chosen) - set(QUANTITIES):
        parser.error(f"{', '.join(sorted(unknown))}: allowed are {', '.join(QUANTITIES)}")
    with tempfile.TemporaryDirectory() as folder:
        found = print_points([job for job in JOBS if job.quantity in chosen], Path(folder))
    print()
    print_growth(found)


if __name__ == "__main__":
    main()
