"""Rule ablate_single_neurons: what F loses without one neuron, beside the neuron's score."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.attribution.attribute import attribute
from relevance_neurons.checks.single_neurons import (
    ablate_single_neurons,
    neuron_correlations,
    sample_neurons,
)
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(given, made, reranker: Mapping, settings: Mapping, of: Mapping) -> None:
    """``of``: labels, n_pairs (the first kept ones of each), n_neurons and seed of the sample."""
    pairs = pl.read_parquet(given["pairs"]).filter("kept")
    ranker = load_reranker(**reranker)
    neurons = sample_neurons(ranker.neurons.frame(), of["n_neurons"], of["seed"])
    activations = pl.read_parquet(given["activations"])
    found = []
    for label in of["labels"]:
        first = pairs.filter(label=label).head(of["n_pairs"])
        texts = pair_texts(first, given["queries"], given["documents"])
        attribution = attribute(ranker, texts, label=label, **settings)
        found.append(
            ablate_single_neurons(
                ranker, texts, attribution, neurons, activations, settings["target"]
            )
        )
    changes = pl.concat(found)
    write_parquet(changes, made["single_neurons"])
    write_parquet(neuron_correlations(changes, of["seed"]), made["correlations"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params = snakemake.params
        main(snakemake.input, snakemake.output, params.reranker, params.settings, params.of)
