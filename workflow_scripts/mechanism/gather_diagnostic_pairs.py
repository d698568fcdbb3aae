"""Rule gather_diagnostic_pairs: the diagnostic pairs of all collections in one table."""

from collections.abc import Sequence

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(collections: Sequence[str], diagnostic_pairs: str) -> None:
    """Write the rows of all ``collections`` (files), in their order."""
    write_parquet(pl.concat([pl.read_parquet(file) for file in collections]), diagnostic_pairs)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.diagnostic_pairs, snakemake.output.diagnostic_pairs)
