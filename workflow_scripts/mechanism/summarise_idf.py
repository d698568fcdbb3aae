"""Rule summarise_idf: IDF in the word embeddings of every collection, in one table each."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(given: Mapping[str, Sequence[str]], made: Mapping[str, str]) -> None:
    """Write ``made``, idf_components and idf_edits, each of the collections' files in ``given``."""
    for table, path in made.items():
        write_parquet(pl.concat(map(pl.read_parquet, given[table])), path)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input, dict(snakemake.output.items()))
