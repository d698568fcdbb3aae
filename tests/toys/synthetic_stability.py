"""The third part of ``synthetic_results``: halves of the pairs, convergence and sensitivity."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import kendalltau, spearmanr

from toys import synthetic_results

N_HALVINGS, N_PAIRS = 4, 24
VARIANTS = ["study", "logit", "unk"]


def write_stability(folder: Path, scores: dict[tuple[str, str], np.ndarray]) -> None:
    """Write half_scores, split_halves, convergence and sensitivity of the maps in ``scores``."""
    random = np.random.default_rng(7)
    overlaps, converged = [], []
    for one, score in scores.items():
        noise = 0.006 * random.standard_normal((len(score), N_HALVINGS))
        halves = [(score[:, None] + sign * noise).astype(np.float32) for sign in (1, -1)]
        _write_halves(folder, one, halves)
        overlaps += _overlaps_of_halves(one, halves)
        convergence = _convergence(score, score + 1e-4 * random.standard_normal(len(score)))
        converged.append(_keyed(convergence, one))
    synthetic_results.write(pl.concat(converged), folder / "convergence.parquet")
    kinds = {"halving": pl.Int32, "n_pairs_half": pl.Int32}
    frame = pl.DataFrame(overlaps, schema_overrides=kinds)
    synthetic_results.write(frame, folder / "split_halves.parquet")
    rows = [row for one in list(scores)[:3] for row in _sensitivity(one, scores[one], random)]
    synthetic_results.write(pl.DataFrame(rows), folder / "sensitivity.parquet")


def _keyed(frame: pl.DataFrame, one: tuple[str, str]) -> pl.DataFrame:
    names = zip(("collection", "label", "method"), (*one, synthetic_results.METHOD), strict=True)
    return frame.select(*(pl.lit(value).alias(name) for name, value in names), pl.all())


def _write_halves(folder: Path, one: tuple[str, str], halves: list[np.ndarray]) -> None:
    lists = {
        name: pl.Series(list(half)).cast(pl.List(pl.Float32))
        for name, half in zip(("first_half", "second_half"), halves, strict=True)
    }
    frame = synthetic_results.neuron_frame().with_columns(**lists)
    path = folder / "half_scores" / one[0] / f"{one[1]}.parquet"
    synthetic_results.write(_keyed(frame, one), path)


def _overlaps_of_halves(one: tuple[str, str], halves: list[np.ndarray]) -> list[dict]:
    levels = {*synthetic_results.TOP_PERCENTS, *synthetic_results.CURVE}
    return [
        {
            "collection": one[0],
            "label": one[1],
            "method": synthetic_results.METHOD,
            "top_percent": level,
            "halving": halving,
            "n_pairs_half": N_PAIRS // 2,
            "shared_percent": synthetic_results.shared_percent(
                [half[:, halving] for half in halves], level
            )[0],
        }
        for level in sorted(levels)
        if synthetic_results.n_selected(level, len(halves[0]))
        for halving in range(N_HALVINGS)
    ]


def _convergence(score: np.ndarray, better: np.ndarray) -> pl.DataFrame:
    difference = np.linalg.norm(score - better) / np.linalg.norm(better)
    return pl.DataFrame(
        {
            "top_percent": level,
            "n_pairs": 10,
            "points": 24.2,
            "points_doubled": 47.4,
            "shared_percent": synthetic_results.shared_percent([score, better], level)[0],
            "kendall_tau": kendalltau(score, better).statistic,
            "relative_difference": difference,
            "worst_pair_difference": 3 * difference,
        }
        for level in synthetic_results.TOP_PERCENTS
    )


def _sensitivity(
    one: tuple[str, str], score: np.ndarray, random: np.random.Generator
) -> list[dict]:
    maps = {
        name: score + 0.01 * i * random.standard_normal(len(score))
        for i, name in enumerate(VARIANTS)
    }
    rows = []
    for a, b in itertools.combinations(VARIANTS, 2):
        for level in synthetic_results.TOP_PERCENTS:
            shared, expected, _ = synthetic_results.shared_percent([maps[a], maps[b]], level)
            rows.append(
                {
                    "collection": one[0],
                    "label": one[1],
                    "variant_a": a,
                    "variant_b": b,
                    "top_percent": level,
                    "kendall_tau": kendalltau(maps[a], maps[b]).statistic,
                    "spearman": spearmanr(maps[a], maps[b]).statistic,
                    "shared_percent": shared,
                    "expected_percent": expected,
                }
            )
    return rows
