"""Rule check_convergence: what twice the points of the path change in a map."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.statistics.map_agreement import summarise_convergence


def main(
    doubled: Mapping[str, str],
    convergence: str,
    collection: str,
    label: str,
    top_percents: Sequence[float],
) -> None:
    """Compare both maps of ``doubled`` (neurons, pairs: the files of rule double_points)."""
    frames = (pl.read_parquet(doubled[name]) for name in ("neurons", "pairs"))
    names = [pl.lit(collection).alias("collection"), pl.lit(label).alias("label")]
    found = summarise_convergence(*frames, top_percents)
    write_parquet(found.select(*names, pl.all()), convergence)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        of_map, params = snakemake.wildcards, snakemake.params
        made = snakemake.output.convergence
        main(snakemake.input, made, of_map.collection, of_map.label, params.top_percents)
