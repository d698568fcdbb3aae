"""Rule compare_variants: what other settings of the attribution change in the maps."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.progress import Progress
from relevance_neurons.running.sql import run_sql
from relevance_neurons.statistics.map_agreement import rank_correlations

SQL = Path(__file__).with_suffix(".sql")
STUDY = "study"
NEURON = ["layer", "component", "neuron"]


def compare_map(files: dict[str, str], top_percents: Sequence[float]) -> pl.DataFrame:
    """Compare every two variants of one map; ``files``: variant -> file, in the order wanted."""
    variants = [{"variant": name, "file": str(file)} for name, file in files.items()]
    shared = run_sql(SQL, files=list(files.values()), variants=variants, top_percents=top_percents)
    maps = {name: pl.read_parquet(file).sort(NEURON) for name, file in files.items()}
    scores = {name: frame["score"].to_numpy() for name, frame in maps.items()}
    correlations = [
        {"variant_a": a, "variant_b": b, **rank_correlations(scores[a], scores[b])}
        for a, b in combinations(files, 2)
    ]
    kinds = {"kendall_tau": pl.Float64, "spearman": pl.Float64}
    rows = pl.DataFrame(correlations, schema_overrides=kinds)
    keys = ["collection", "label", "variant_a", "variant_b", "top_percent"]
    joined = shared.join(rows, on=["variant_a", "variant_b"], maintain_order="left")
    return joined.select(*keys, *kinds, "shared_percent", "expected_percent")


def main(
    study: Sequence[str],
    varied: Sequence[str],
    sensitivity: str,
    variants: Sequence[str],
    top_percents: Sequence[float],
) -> None:
    """Take the maps one by one; ``varied`` are the maps of ``study`` for each of ``variants``."""
    frames = []
    with Progress(len(study), "variants", unit="maps") as progress:
        for place, file in enumerate(study):
            others = varied[place :: len(study)]
            files = {STUDY: file} | dict(zip(variants, others, strict=True))
            frames.append(compare_map(files, top_percents))
            progress.update()
    write_parquet(pl.concat(frames), sensitivity)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, made, params = snakemake.input, snakemake.output, snakemake.params
        main(given.study, given.variants, made.sensitivity, params.variants, params.top_percents)
