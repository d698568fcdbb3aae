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
    settings: Mapping[str, str | int],
) -> None:
    """Write ``made``: rerankings, the rows of ``shards``, and measures, also of shuffled pools.

    ``settings``: measure, ambiguous, shuffles, seed.

    The rankings stream into their table; the ideal ranking is that of the pool's passages.
    """
    write_sql(SQL, made["rerankings"], rerankings=list(shards))
    scores = pl.read_parquet(made["rerankings"])
    judgments = pl.read_parquet(qrels).join(scores, on=["query_id", "doc_id"], how="semi")
    shuffled = shuffled_rankings(scores, settings["shuffles"], settings["seed"])
    measure = {name: settings[name] for name in ("measure", "ambiguous")}
    values = measure_rankings(pl.concat([scores, shuffled]), judgments, **measure)
    write_parquet(values, made["measures"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given = snakemake.input
        main(given.shards, given.qrels, snakemake.output, snakemake.params.settings)
