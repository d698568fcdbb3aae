"""Rule measure_rankings: a collection's rankings in one table, and the measure of each of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from relevance_neurons.ablation.measures import measure_rankings, shuffled_rankings
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import write_sql

SQL = Path(__file__).with_suffix(".sql")


def main(
    shards: Sequence[str | Path],
    qrels: str | Path,
    made: Mapping[str, str | Path],
    measure: str,
    shuffles: int,
    seed: int,
) -> None:
    """Write ``made``: rerankings, the rows of ``shards``, and measures, also of shuffled pools.

    The rankings stream into their table; the ideal ranking is that of the pool's passages.
    """
    write_sql(SQL, made["rerankings"], rerankings=list(shards))
    scores = pl.read_parquet(made["rerankings"])
    judgments = pl.read_parquet(qrels).join(scores, on=["query_id", "doc_id"], how="semi")
    scores = pl.concat([scores, shuffled_rankings(scores, shuffles, seed)])
    write_parquet(measure_rankings(scores, judgments, measure), made["measures"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        settings = params.measure, params.shuffles, params.seed
        main(given.shards, given.qrels, snakemake.output, *settings)
