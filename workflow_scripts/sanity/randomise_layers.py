"""Rule randomise_layers: scores of the ranker against those of one with random weights."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.attribution.attribute import attribute
from relevance_neurons.attribution.mean_scores import Attribution
from relevance_neurons.checks.randomisation import randomise_layers
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(given, randomisation: str, reranker: Mapping, settings: Mapping, of: Mapping) -> None:
    """Attribute the first ``of["n_pairs"]`` kept pairs of each of ``of["labels"]`` at each step."""
    pairs = pl.read_parquet(given["pairs"]).filter("kept")
    texts = {
        label: pair_texts(
            pairs.filter(label=label).head(of["n_pairs"]), given["queries"], given["documents"]
        )
        for label in of["labels"]
    }

    def scores(ranker: Reranker, label: str) -> Attribution:
        return attribute(ranker, texts[label], label=label, **settings)

    ranker = load_reranker(**reranker)
    found = randomise_layers(ranker, of["labels"], scores, settings["seed"])
    write_parquet(found, randomisation)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, output = snakemake.params, snakemake.output.randomisation
        main(snakemake.input, output, params.reranker, params.settings, params.of)
