"""Rule summarise_evaluations: the mean of every ranking on every collection, with an interval."""

from collections.abc import Sequence

import polars as pl

from relevance_neurons.ablation.ranking_quality import summarise_rankings
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    evaluations: Sequence[str], ranking_quality: str, collections: Sequence[str], seed: int
) -> None:
    """``evaluations`` are files in the order of ``collections``."""
    parts = [
        summarise_rankings(pl.read_parquet(path), name, seed)
        for path, name in zip(evaluations, collections, strict=True)
    ]
    write_parquet(pl.concat(parts), ranking_quality)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input.evaluations,
            snakemake.output.ranking_quality,
            snakemake.params.collections,
            snakemake.params.seed,
        )
