"""Rule attribute_neurons: neurons scored by a method, summed over a shard of one map's pairs."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.attribution.attribute import attribute
from relevance_neurons.attribution.methods import DIFFERENCE
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.collections.whole_queries import pairs_of_map
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    of: Mapping[str, object],
    shard: tuple[int, int],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """Attribute a ``shard`` (k of n) of the pairs; ``settings`` are those of ``attribute``.

    Where ``made`` has neuron_tokens a neuron's sums by kind of token are written, or, without
    token_kinds among the settings, no rows.
    ``of``: collection, label and, as ``pairs_of_map`` takes them, passages and most_pairs.
    """
    pairs = pairs_of_map(given, of["passages"], of["label"], of["most_pairs"], of["collection"])
    tables = {
        name: pl.read_parquet(given[name]) for name in ("activations", "screen") if name in given
    }
    if of["label"] == DIFFERENCE:
        tables["judgments"] = pairs.select("query_id", "gain")
    texts = pair_texts(pairs, given["queries"], given["documents"])
    ranker = load_reranker(**reranker)
    attribution = attribute(ranker, texts, of["label"], shard=shard, **{**settings, **tables})
    write_parquet(attribution.sums(), made["sums"])
    if "neuron_tokens" in made:
        has_kinds = settings.get("token_kinds")
        kinds = attribution.kind_sums() if has_kinds else attribution.neurons.clear()
        write_parquet(kinds, made["neuron_tokens"])
    names = pairs.select("query_id", "doc_id")[attribution.pair_numbers()]
    write_parquet(pl.concat([names, attribution.checks()], how="horizontal"), made["checks"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, wildcards = snakemake.params, snakemake.wildcards
        of = {"collection": wildcards.collection, "label": wildcards.label, **params.of}
        shard, given = (int(wildcards.shard), params.n_shards), dict(snakemake.input.items())
        made = dict(snakemake.output.items())
        main(given, made, of, shard, params.reranker, params.settings)
