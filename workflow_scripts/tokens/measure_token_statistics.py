"""Rule measure_token_statistics: what the ranker's layers put out on a collection's pairs."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.tokens.statistics import measure_statistics, warn_if_few


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """``settings``: collection, pairs (at most so many, the first), floor, layers (None: all)."""
    name, n_pairs = settings["collection"], settings["pairs"]
    pairs = pl.read_parquet(given["token_pairs"]).head(n_pairs)
    texts = pair_texts(pairs, given["queries"], given["documents"])
    ranker, labels = load_reranker(**reranker), pairs["label"].to_list()
    found = measure_statistics(ranker, texts, labels, settings["layers"], settings["floor"])
    warn_if_few(found, name, n_pairs)
    named = found.select(pl.lit(name).alias("collection"), pl.all())
    write_parquet(named, made["token_statistics"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, wildcards = snakemake.params, snakemake.wildcards
        settings = {"collection": wildcards.collection, **params.settings}
        main(dict(snakemake.input.items()), snakemake.output, params.reranker, settings)
