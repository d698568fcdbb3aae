"""A made-up collection whose passages are ranked under ablations, in files of a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

QUERIES = {
    "q1": "what is the lift of a wing",
    "q2": "heat transfer in a boundary layer",
    "q3": "shock waves",
    "q4": "the of and",  # nothing but stop words
}
WORDS = ["wing", "wings", "lift", "heat", "layer", "boundary", "shock", "wave", "noise", "tail"]


def write_ranked(
    folder: Path, conditions: list[tuple[str, float, int]], seed: int = 0, queries: int = 4
) -> dict[str, Path]:
    """Write rerankings, measures, candidates, qrels, queries, documents; return their files.

    Of seven passages a query two or three are relevant, one is ambiguous, one not judged. Some
    scores tie. ``conditions``: scheme, top_percent, draw of every ablation.
    """
    rng = np.random.default_rng(seed)
    labels = ["relevant", "relevant", None, "non_relevant", "non_relevant", "unjudged"]
    rows, texts = [], {}
    for number, query in enumerate(list(QUERIES)[:queries]):
        for place, label in enumerate([*labels, labels[number % 2 * 3]]):
            document = f"{query}-d{place}"
            texts[document] = " ".join(rng.choice(WORDS, 6))
            rows.append((query, document, label))
    pairs = pl.DataFrame(rows, schema=["query_id", "doc_id", "label"], orient="row")
    frames = {
        "candidates": pairs.select(
            "query_id",
            "doc_id",
            pool=pl.when(pl.col("label") == "relevant").then(pl.lit("relevant")).otherwise(
                pl.lit("bm25")
            ),
        ),
        "qrels": pairs.filter(pl.col("label").is_null() | (pl.col("label") != "unjudged")),
        "queries": _texts("query_id", dict(list(QUERIES.items())[:queries])),
        "documents": _texts("doc_id", texts),
        "rerankings": _rerankings(pairs, [("none", 0.0, 0), *conditions], rng),
        "measures": _measures(pairs, [("none", 0.0, 0), *conditions], rng),
    }  # fmt: skip
    files = {name: folder / f"{name}.parquet" for name in frames}
    for name, frame in frames.items():
        frame.write_parquet(files[name])
    return files


def log_p(margins: np.ndarray) -> np.ndarray:
    """What a ranker gives for these margins, in single precision."""
    return -np.logaddexp(0, -margins)


def _texts(key: str, texts: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame({key: list(texts), "text": list(texts.values())})


def _rerankings(pairs: pl.DataFrame, conditions: list, rng: np.random.Generator) -> pl.DataFrame:
    whole = rng.integers(-4, 5, len(pairs)) / 2  # few values: some tie
    frames = []
    for scheme, level, draw in conditions:
        shift = rng.integers(-3, 6) + rng.integers(-4, 5, len(pairs)) / 4
        margins = whole if scheme == "none" else whole + shift
        frames.append(
            pairs.select(
                pl.lit(scheme).alias("scheme"),
                pl.lit(level).alias("top_percent"),
                pl.lit(draw, dtype=pl.Int32).alias("draw"),
                "query_id",
                "doc_id",
                pl.Series("score", log_p(margins), dtype=pl.Float32),
            )
        )
    return pl.concat(frames)


def _measures(pairs: pl.DataFrame, conditions: list, rng: np.random.Generator) -> pl.DataFrame:
    queries = pairs["query_id"].unique().sort().to_list()
    rows = [
        (*condition, query, "nDCG@10", float(rng.uniform(0.2, 1)))
        for condition in conditions
        for query in queries
    ]
    names = ["scheme", "top_percent", "draw", "query_id", "measure", "value"]
    return pl.DataFrame(rows, schema=names, orient="row")
