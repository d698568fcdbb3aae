"""Rule measure_rankings: measure every ranking of a collection, and its pools in random order."""

from pathlib import Path

import polars as pl

from relevance_neurons.ablation.measures import measure_rankings, shuffled_rankings
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    rerankings: str | Path,
    qrels: str | Path,
    output: str | Path,
    measure: str,
    shuffles: int,
    seed: int,
) -> None:
    """Write measures/{collection}.parquet; the ideal ranking is that of the pool's passages."""
    scores = pl.read_parquet(rerankings)
    judgments = pl.read_parquet(qrels).join(scores, on=["query_id", "doc_id"], how="semi")
    scores = pl.concat([scores, shuffled_rankings(scores, shuffles, seed)])
    write_parquet(measure_rankings(scores, judgments, measure), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input.rerankings,
            snakemake.input.qrels,
            snakemake.output.measures,
            snakemake.params.measure,
            snakemake.params.shuffles,
            snakemake.params.seed,
        )
