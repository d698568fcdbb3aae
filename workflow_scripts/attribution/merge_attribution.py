"""Rule merge_attribution: the mean scores of a map, from the sums over its shards."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.attribution.mean_scores import merge_shards
from relevance_neurons.attribution.methods import DIFFERENCE
from relevance_neurons.attribution.token_kinds import merge_token_kinds
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    shards: Mapping[str, Sequence[str]],
    made: Mapping[str, str],
    collection: str,
    label: str,
    method: str,
    settings: Mapping[str, object],
) -> None:
    """Of scores, bootstrap, halves and neuron_tokens those are written that ``made`` has.

    ``shards``: the files of sums, checks and, where there are any, neuron_tokens in the order of
    the pairs; ``settings`` are those that they were attributed with.
    """
    checks = [pl.read_parquet(file) for file in shards["checks"]]
    sums = map(pl.read_parquet, shards["sums"])
    n_units = [one["query_id"].n_unique() if label == DIFFERENCE else len(one) for one in checks]
    resampling = ("bootstrap_replicates", "split_halves", "seed")
    given = {key: settings[key] for key in resampling if key in settings}
    attribution = merge_shards(label, zip(sums, n_units, strict=True), **given)
    keys = {"collection": collection, "label": label, "method": method}
    names = [pl.lit(value).alias(key) for key, value in keys.items()]
    results = {"bootstrap": attribution.replicates, "halves": attribution.halves}
    for name, frame in ({"scores": attribution.frame} | results).items():
        if name in made:
            write_parquet(frame().select(*names, pl.all()), made[name])
    if "neuron_tokens" in made:
        parts = [pl.read_parquet(file) for file in shards["neuron_tokens"]]
        has_kinds = settings.get("token_kinds")
        kinds = merge_token_kinds(zip(parts, n_units, strict=True)) if has_kinds else parts[0]
        write_parquet(kinds.select(*names, pl.all()), made["neuron_tokens"])
    write_parquet(pl.concat(checks).select(*names, pl.all()), made["checks"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        shards, made = snakemake.input, dict(snakemake.output.items())
        of_map, params = snakemake.wildcards, snakemake.params
        main(shards, made, of_map.collection, of_map.label, params.method, params.settings)
