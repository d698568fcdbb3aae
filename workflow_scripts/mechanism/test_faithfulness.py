"""Rule test_faithfulness: how a collection is ranked, and pairs scored, with found heads alone."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.mechanism.faithfulness import (
    Asked,
    judged_elsewhere,
    kept_sets,
    measure_faithfulness,
)
from relevance_neurons.rankers.heads import Heads
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    made: str,
    collection: str,
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """Write ``made``, the collection's rows of faithfulness.

    ``given``: heads, diagnostic_pairs, diagnostic_scores, mechanism_rankings, qrels, queries,
    documents. ``settings``: smallest_change, random_draws, seed, measure, ambiguous.
    """
    names = ("heads", "diagnostic_pairs", "diagnostic_scores", "mechanism_rankings", "qrels")
    heads, pairs, scores, rankings, qrels = (pl.read_parquet(given[name]) for name in names)
    logits = scores.select("pair", "level", "logit_before", "logit_after")
    diagnostics = judged_elsewhere(pairs.filter("is_patched").sort("pair"), heads)
    diagnostics = diagnostics.join(logits, on=["pair", "level"], maintain_order="left")
    texts = pair_texts(rankings, given["queries"], given["documents"])
    asked = Asked(rankings, texts, qrels, settings["measure"], settings["ambiguous"])
    ranker, seed = load_reranker(**reranker), settings["seed"]
    sets = kept_sets(heads, Heads.of(ranker), settings["random_draws"], seed)
    least = settings["smallest_change"]
    found = measure_faithfulness(ranker, sets, diagnostics, asked, collection, least, seed)
    write_parquet(found, made)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, collection = snakemake.params, snakemake.wildcards.collection
        made = snakemake.output.faithfulness
        main(snakemake.input, made, collection, params.reranker, params.settings)
