"""Rule check_convergence: what twice the points of the path change in every map."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.checks.convergence import summarise_convergence
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    doubled: Mapping[str, Sequence[str]],
    convergence: str,
    collections: Sequence[str],
    top_percents: Sequence[float],
) -> None:
    """Compare both maps of each label; ``doubled``: neurons and pairs, a file per collection."""
    found = []
    for collection, *files in zip(collections, doubled["neurons"], doubled["pairs"], strict=True):
        neurons, pairs = map(pl.read_parquet, files)
        for label in pairs["label"].unique(maintain_order=True):
            rows = summarise_convergence(
                neurons.filter(label=label), pairs.filter(label=label), top_percents
            )
            names = [pl.lit(collection).alias("collection"), pl.lit(label).alias("label")]
            found.append(rows.select(*names, pl.all()))
    write_parquet(pl.concat(found), convergence)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        made, params = snakemake.output.convergence, snakemake.params
        main(snakemake.input, made, params.collections, params.top_percents)
