"""Measure every ranking of a collection, query by query."""

import polars as pl

from job import job
from relevance_neurons.measures import measure_rankings
from relevance_neurons.outputs import write_parquet


def main(rerankings, qrels, output, measure) -> None:
    """Write measures/{collection}.parquet; the ideal ranking is that of the pool's passages."""
    scores = pl.read_parquet(rerankings)
    judgments = pl.read_parquet(qrels).join(scores, on=["query_id", "doc_id"], how="semi")
    write_parquet(measure_rankings(scores, judgments, measure), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input.rerankings,
            snakemake.input.qrels,
            snakemake.output.measures,
            snakemake.params.measure,
        )
