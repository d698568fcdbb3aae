"""Rule merge_attribution: the mean scores of a map, from the sums over its shards."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.attribution.mean_scores import merge_shards
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    shards: Mapping[str, Sequence[str]],
    made: Mapping[str, str],
    collection: str,
    label: str,
    settings: Mapping[str, object],
) -> None:
    """Of scores, bootstrap and halves those are written that ``made`` has.

    ``shards``: the files of sums and of checks in the order of the pairs; ``settings`` are those
    that they were attributed with.
    """
    checks = [pl.read_parquet(file) for file in shards["checks"]]
    sums = map(pl.read_parquet, shards["sums"])
    resampling = ("bootstrap_replicates", "split_halves", "seed")
    given = {key: settings[key] for key in resampling if key in settings}
    attribution = merge_shards(label, zip(sums, map(len, checks), strict=True), **given)
    names = [pl.lit(collection).alias("collection"), pl.lit(label).alias("label")]
    results = {"bootstrap": attribution.replicates, "halves": attribution.halves}
    for name, frame in ({"scores": attribution.frame} | results).items():
        if name in made:
            write_parquet(frame().select(*names, pl.all()), made[name])
    write_parquet(pl.concat(checks), made["checks"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        shards, made = snakemake.input, dict(snakemake.output.items())
        of_map, settings = snakemake.wildcards, snakemake.params.settings
        main(shards, made, of_map.collection, of_map.label, settings)
