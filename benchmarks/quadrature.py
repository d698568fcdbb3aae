"""Error against cost of the rules of the integral, on real pairs of a study.

Run: python benchmarks/quadrature.py RESULTS MODEL, with a study's results folder and its ranker.
The pairs are drawn from every map of the study (--pairs each), cut at --max-length tokens. The
reference is Simpson's rule on 2,001 points; it takes long and is kept in the file --reference. The
error of a pair is the Euclidean distance of its scores from the reference, relative to the
reference's length. A cost of 1 u is one forward pass of the pair through the stock model.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
import torch
from transformers import AutoModelForSequenceClassification

from relevance_neurons import load_reranker
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.attribution.quadrature import Element
from relevance_neurons.collections.texts import pair_texts

REFERENCE = Settings(quadrature="simpson", n_points=2001)
Pair = tuple[str, tuple[str, str]]


class GaussGrid:
    """Gauss–Legendre: y is the polynomial through its nodes, differentiated there.

    M[k, l] = w_k L_l'(t_k). Both ends are evaluated too, for the check of the pair alone.
    """

    error_estimate = None
    is_given_up = False
    reads_cut = False

    def __init__(self, n_nodes: int) -> None:
        nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
        away = nodes[:, None] - nodes + np.eye(n_nodes)
        products = away.prod(axis=1)
        slopes = products[:, None] / products / away
        np.fill_diagonal(slopes, (1 / away - np.eye(n_nodes)).sum(axis=1))
        matrix = np.zeros((n_nodes + 2, n_nodes + 2))
        matrix[1:-1, 1:-1] = weights[:, None] * slopes
        self._element = Element((0.0, *((nodes + 1) / 2).tolist(), 1.0), matrix)
        self._asked = False

    def wanted(self, most: int) -> tuple[float, ...]:
        """All points at once."""
        asked, self._asked = self._asked, True
        return () if asked else self._element.points

    def pending(self) -> tuple[float, ...]:
        """Nothing is needed twice."""
        return ()

    def add(self, points, values, slopes, cut) -> list[Element]:
        """One element over the whole path."""
        return [self._element]


@dataclass(frozen=True)
class Gauss(Settings):
    """Settings of the Gauss–Legendre rule with ``n_points`` nodes."""

    quadrature: str = "Gauss–Legendre"

    def grid(self) -> GaussGrid:
        """A fresh grid for one pair."""
        return GaussGrid(self.n_points)


RULES = [
    *(Settings(quadrature="right", n_points=n) for n in (25, 100, 250)),
    *(Settings(quadrature="left", n_points=n) for n in (25, 100)),
    *(Settings(quadrature="trapezoid", n_points=n) for n in (25, 49, 101)),
    *(Settings(quadrature="simpson", n_points=n) for n in (25, 49, 101)),
    *(Gauss(n_points=n) for n in (13, 25, 49)),
    *(Settings(tolerance=one) for one in (0.1, 0.05, 0.02, 0.01, 0.005)),
]


def draw(results: Path, each: int) -> list[Pair]:
    """Label and texts of ``each`` kept pairs of every map."""
    pairs: list[Pair] = []
    for path in sorted((results / "pairs").glob("*.parquet")):
        folder = results / "collections" / path.stem
        for label in ("relevant", "non_relevant"):
            kept = pl.read_parquet(path).filter(pl.col("kept"), label=label)
            kept = kept.sample(min(each, len(kept)), seed=1)
            texts = pair_texts(kept, folder / "queries.parquet", folder / "documents.parquet")
            pairs += [(label, text) for text in texts]
    return pairs


def scores_of(model: str, max_length: int, pairs: list[Pair], rule: Settings, threads: int):
    """Scores, shape (n_pairs, n_neurons), points of each pair, and the seconds that they took."""
    torch.set_num_threads(threads)
    ranker = load_reranker(model, max_length=max_length)
    scores = np.empty((len(pairs), len(ranker.neurons)))
    points = np.empty(len(pairs))
    start = time.perf_counter()
    for label in ("relevant", "non_relevant"):
        numbers = [i for i, (its_label, _) in enumerate(pairs) if its_label == label]
        settings = type(rule)(**(vars(rule) | {"label": label}))
        texts = [pairs[i][1] for i in numbers]
        for check, found in score_pairs(ranker, texts, settings) if texts else ():
            scores[numbers[check.pair]], points[numbers[check.pair]] = found, check.n_points
    return scores, points, time.perf_counter() - start


def reference(model: str, max_length: int, pairs: list[Pair], file: Path) -> np.ndarray:
    """The scores on 2,001 points: from the file, or computed by two processes and put there."""
    if not file.exists():
        order = sorted(range(len(pairs)), key=lambda i: -len(pairs[i][1][1]))
        halves = [order[0::2], order[1::2]]
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            jobs = [
                pool.submit(scores_of, model, max_length, [pairs[i] for i in half], REFERENCE, 1)
                for half in halves
            ]
            parts = [job.result()[0] for job in jobs]
        scores = np.empty((len(pairs), parts[0].shape[1]))
        for half, part in zip(halves, parts, strict=True):
            scores[half] = part
        np.save(file, scores)
    return np.load(file)


def forward_seconds(model: str, max_length: int, pairs: list[Pair]) -> float:
    """Time of one forward pass of every pair through the stock model (of nine, divided)."""
    stock = AutoModelForSequenceClassification.from_pretrained(model).float().eval()
    ranker = load_reranker(model, max_length=max_length)
    batches = [ranker.collate([encoded] * 9) for encoded in ranker.encode([t for _, t in pairs])]
    with torch.inference_mode():
        stock(**batches[0])
        start = time.perf_counter()
        for batch in batches:
            stock(**batch)
    return (time.perf_counter() - start) / 9


def top(scores: np.ndarray) -> set[int]:
    """The top 1 % of the neurons."""
    return set(np.argsort(-scores, kind="stable")[: round(len(scores) / 100)].tolist())


def row(rule: Settings, scores, points, seconds, exact, unit: float) -> str:
    """A row of the table."""
    errors = np.linalg.norm(scores - exact, axis=1) / np.linalg.norm(exact, axis=1)
    shared = [len(top(a) & top(b)) / len(top(b)) for a, b in zip(scores, exact, strict=True)]
    mean = len(top(scores.mean(0)) & top(exact.mean(0))) / len(top(exact.mean(0)))
    adaptive = rule.quadrature == "adaptive"
    name = f"adaptive, tolerance {rule.tolerance}" if adaptive else rule.quadrature
    return (
        f"| {name} | {points.mean():.0f} ({points.min():.0f}–{points.max():.0f}) | "
        f"{seconds / unit:.0f} | {np.median(errors):.4f} | {np.quantile(errors, 0.9):.4f} | "
        f"{errors.max():.4f} | {np.mean(shared):.3f} | {min(shared):.3f} | {mean:.3f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("model")
    parser.add_argument("--pairs", type=int, default=6, help="of each map")
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--reference", type=Path, default=Path("quadrature_reference.npy"))
    asked = parser.parse_args()
    pairs = draw(asked.results, asked.pairs)
    exact = reference(asked.model, asked.max_length, pairs, asked.reference)
    threads = torch.get_num_threads()
    units = [forward_seconds(asked.model, asked.max_length, pairs)]
    print(f"{len(pairs)} pairs, at most {asked.max_length} tokens")
    print(
        "| rule | points (least–most) | cost, u | error: median | 90 % | worst "
        "| top 1 %: mean | worst | of the mean map |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for rule in RULES:
        found = scores_of(asked.model, asked.max_length, pairs, rule, threads)
        units.append(forward_seconds(asked.model, asked.max_length, pairs))
        print(row(rule, *found, exact, (units[-1] + units[-2]) / 2), flush=True)


if __name__ == "__main__":
    main()
