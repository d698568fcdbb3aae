"""Rule ablate_single_neurons: what F loses without one neuron, beside its score by each method."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from relevance_neurons.attribution.attribute import attribute
from relevance_neurons.attribution.methods import DIFFERENCE
from relevance_neurons.checks.neuron_correlations import neuron_correlations
from relevance_neurons.checks.single_neurons import ScoredPairs, changes_beside_scores
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.collections.whole_queries import pairs_of_map
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def scored_pairs(
    given: Mapping[str, str], ranker: Reranker, method: Mapping[str, object], of: Mapping
) -> Iterator[ScoredPairs]:
    """The first pairs of each label by ``method``: its name, settings, labels, passages, target."""
    settings, tables = method["settings"], {}
    if settings.get("reference") == "mean":
        tables["activations"] = pl.read_parquet(given["activations"])
    for label in method["labels"]:
        pairs = pairs_of_map(given, method["passages"], label, of["n_pairs"], of["collection"])
        texts = pair_texts(pairs, given["queries"], given["documents"])
        judgments = pairs.select("query_id", "gain") if label == DIFFERENCE else None
        found = attribute(ranker, texts, label, judgments=judgments, **settings, **tables)
        yield ScoredPairs(method["name"], found, method["target"], texts, judgments)


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    reranker: Mapping[str, object],
    methods: Sequence[Mapping[str, object]],
    of: Mapping[str, object],
) -> None:
    """``of``: collection, n_pairs; n_neurons, n_strong and seed of the samples."""
    ranker = load_reranker(**reranker)
    scored = (one for method in methods for one in scored_pairs(given, ranker, method, of))
    samples = of["n_neurons"], of["n_strong"], of["seed"]
    activations = pl.read_parquet(given["activations"])
    changes = changes_beside_scores(ranker, scored, activations, *samples)
    write_parquet(changes, made["single_neurons"])
    write_parquet(neuron_correlations(changes, of["seed"]), made["correlations"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, given = snakemake.params, dict(snakemake.input.items())
        main(given, snakemake.output, params.reranker, params.methods, params.of)
