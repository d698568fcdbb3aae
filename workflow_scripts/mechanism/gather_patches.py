"""Rule gather_patches: the shards of a collection's patches, paths and scores, as a table each."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(shards: Mapping[str, Sequence[str]], made: Mapping[str, str]) -> None:
    """``shards``: table -> its files, in the order of the pairs; ``made``: table -> its file.

    One table after the other, so that no more than one is ever in memory.
    """
    for table, file in made.items():
        write_parquet(pl.concat(map(pl.read_parquet, shards[table])), file)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input, dict(snakemake.output.items()))
