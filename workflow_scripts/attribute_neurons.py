"""Rule attribute_neurons: mean Neuron Integrated Gradients over the kept pairs of one label."""

from collections.abc import Mapping

import polars as pl
import torch

from job import job
from relevance_neurons.attribution import attribute
from relevance_neurons.loading import load_reranker
from relevance_neurons.outputs import write_parquet
from relevance_neurons.texts import pair_texts


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    collection: str,
    label: str,
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """Attribute the pairs of ``label`` that were kept; ``settings`` are those of ``attribute``."""
    pairs = pl.read_parquet(given["pairs"]).filter(pl.col("kept"), label=label)
    texts = pair_texts(pairs, given["queries"], given["documents"])
    attribution = attribute(load_reranker(**reranker), texts, label=label, **settings)
    names = [pl.lit(collection).alias("collection"), pl.lit(label).alias("label")]
    everything = pl.all()
    write_parquet(attribution.frame().select(*names, everything), made["scores"])
    write_parquet(attribution.replicates().select(*names, everything), made["bootstrap"])
    checks = pl.concat([pairs.select("query_id", "doc_id"), attribution.checks()], how="horizontal")
    write_parquet(checks, made["checks"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        torch.set_num_threads(snakemake.threads)
        main(
            snakemake.input,
            snakemake.output,
            snakemake.wildcards.collection,
            snakemake.wildcards.label,
            snakemake.params.reranker,
            snakemake.params.settings,
        )
