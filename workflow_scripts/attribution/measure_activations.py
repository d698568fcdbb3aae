"""Rule measure_activations: the mean and size of every neuron's output over the kept pairs."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.ablation.activations import measure_activations
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(given: Mapping[str, str], activations: str, reranker: Mapping[str, object]) -> None:
    """Over the kept pairs of all labels."""
    pairs = pl.read_parquet(given["pairs"]).filter("kept")
    texts = pair_texts(pairs, given["queries"], given["documents"])
    write_parquet(measure_activations(load_reranker(**reranker), texts), activations)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        main(snakemake.input, snakemake.output.activations, snakemake.params.reranker)
