"""Rule attribute_neurons: Neuron Integrated Gradients, summed over a shard of one label's pairs."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.attribution.attribute import attribute
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.shards import shard_range


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    label: str,
    shard: tuple[int, int],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """Attribute a ``shard`` (k of n) of the kept pairs; ``settings`` are those of ``attribute``."""
    pairs = pl.read_parquet(given["pairs"]).filter(pl.col("kept"), label=label)
    texts = pair_texts(pairs, given["queries"], given["documents"])
    attribution = attribute(load_reranker(**reranker), texts, label=label, shard=shard, **settings)
    write_parquet(attribution.sums(), made["sums"])
    rows = shard_range(len(pairs), *shard)
    names = pairs.select("query_id", "doc_id")[rows.start : rows.stop]
    write_parquet(pl.concat([names, attribution.checks()], how="horizontal"), made["checks"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, of = snakemake.params, snakemake.wildcards
        shard = int(of.shard), params.n_shards
        given, made = snakemake.input, snakemake.output
        main(given, made, of.label, shard, params.reranker, params.settings)
