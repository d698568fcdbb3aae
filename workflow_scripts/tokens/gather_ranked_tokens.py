"""Rule gather_ranked_tokens: the shards of the token scores of a collection's best passages."""

from collections.abc import Sequence

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(shards: Sequence[str], scores: str) -> None:
    """``shards``: their files, in the order of the passages."""
    write_parquet(pl.concat(map(pl.read_parquet, shards)), scores)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.scores, snakemake.output.scores)
