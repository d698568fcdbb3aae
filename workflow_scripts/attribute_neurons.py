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
    """Attribute the pairs of ``label`` that were kept; ``settings`` are those of ``attribute``.

    Of scores, bootstrap and halves those are written that ``made`` has: a variant's scores alone.
    """
    pairs = pl.read_parquet(given["pairs"]).filter(pl.col("kept"), label=label)
    texts = pair_texts(pairs, given["queries"], given["documents"])
    attribution = attribute(load_reranker(**reranker), texts, label=label, **settings)
    names = [pl.lit(collection).alias("collection"), pl.lit(label).alias("label")]
    results = {"bootstrap": attribution.replicates, "halves": attribution.halves}
    for name, frame in ({"scores": attribution.frame} | results).items():
        if name in made:
            write_parquet(frame().select(*names, pl.all()), made[name])
    checks = pl.concat([pairs.select("query_id", "doc_id"), attribution.checks()], how="horizontal")
    write_parquet(checks, made["checks"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        torch.set_num_threads(snakemake.threads)
        main(
            snakemake.input,
            dict(snakemake.output.items()),
            snakemake.wildcards.collection,
            snakemake.wildcards.label,
            snakemake.params.reranker,
            snakemake.params.settings,
        )
