"""Rule patch_found_heads: where found heads do what they do, and what goes to what they read."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.mechanism.effects import PairEffects, shard_of_pairs
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    reranker: Mapping[str, object],
    head_classes: str,
    shard: tuple[int, int],
) -> None:
    """Write ``made``: class_effects, receiver_effects of a ``shard`` (k of n) of the pairs.

    ``given``: diagnostic_pairs of a collection, heads. Patched by class of token are the found
    heads or, where ``head_classes`` is all, every one; receivers are the relevance heads. Without
    such heads there are no rows.
    """
    pairs = shard_of_pairs(pl.read_parquet(given["diagnostic_pairs"]), *shard)
    heads = pl.read_parquet(given["heads"])
    found = heads if head_classes == "all" else heads.filter(pl.col("kind") != "none")
    receivers = heads.filter("is_relevance")
    effects = PairEffects(load_reranker(**reranker), pairs.filter("is_patched"))
    by_class, read = (one.select("layer", "head").rows() for one in (found, receivers))
    write_parquet(effects.patches(by_class), made["class_effects"])
    write_parquet(effects.paths(read), made["receiver_effects"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, shard = snakemake.params, int(snakemake.wildcards.shard)
        given, made, shard = snakemake.input, snakemake.output, (shard, params.n_shards)
        main(given, made, params.reranker, params.head_classes, shard)
