"""Rule overlap_heads: what the schemes share with the neurons of the found heads, beside chance."""

from pathlib import Path

from relevance_neurons.mechanism.head_overlaps import with_chance
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql

SQL = Path(__file__).with_suffix(".sql")


def main(schemes: str, head_neurons: str, output: str) -> None:
    """``head_neurons`` knows which heads are of which kind."""
    write_parquet(with_chance(run_sql(SQL, schemes=schemes, head_neurons=head_neurons)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given = snakemake.input
        main(given.schemes, given.head_neurons, snakemake.output.head_overlaps)
