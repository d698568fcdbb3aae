"""Rule gather_token_scores: the shards of a method's token scores as a file for each layer."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import whole, write_parquet

AT_INPUT = "input"
"""The file of a method that has no layers."""


def main(shards: Mapping[str, Sequence[str]], made: Mapping[str, str]) -> None:
    """``shards``: the files of scores and of checks, in the order of the pairs.

    One layer after the other is written, so that no more than its scores are ever in memory.
    """
    scores = pl.scan_parquet(list(shards["scores"]))
    layers = scores.select(pl.col("layer").unique().sort()).collect().to_series()
    with whole(made["scores"]) as folder:
        folder.mkdir()
        for layer in layers:
            name = f"{AT_INPUT if layer is None else layer}.parquet"
            own = scores.filter(pl.col("layer").eq_missing(pl.lit(layer, pl.Int32)))
            own.collect().write_parquet(folder / name, compression="zstd")
    checks = pl.concat(pl.read_parquet(file) for file in shards["checks"])
    write_parquet(checks, made["checks"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input, dict(snakemake.output.items()))
