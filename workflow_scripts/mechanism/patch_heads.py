"""Rule patch_heads: what a shard of a collection's diagnostic pairs give under every patch."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.mechanism.competitors import score_diagnostic_pairs
from relevance_neurons.mechanism.effects import PairEffects, shard_of_pairs
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    reranker: Mapping[str, object],
    shard: tuple[int, int],
    seed: int,
) -> None:
    """Write ``made``: patch_effects, path_effects and diagnostic_scores of a ``shard`` (k of n).

    ``given``: diagnostic_pairs, queries, documents, qrels.
    """
    pairs = shard_of_pairs(pl.read_parquet(given["diagnostic_pairs"]), *shard)
    ranker = load_reranker(**reranker)
    texts = {name: given[name] for name in ("queries", "documents", "qrels")}
    write_parquet(
        score_diagnostic_pairs(ranker, pairs, **texts, seed=seed), made["diagnostic_scores"]
    )
    effects = PairEffects(ranker, pairs.filter("is_patched"))
    write_parquet(effects.paths(), made["path_effects"])
    write_parquet(effects.patches(), made["patch_effects"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, shard = snakemake.params, int(snakemake.wildcards.shard)
        given, made = snakemake.input, snakemake.output
        main(given, made, params.reranker, (shard, params.n_shards), params.seed)
