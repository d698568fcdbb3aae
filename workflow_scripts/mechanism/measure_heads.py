"""Rule measure_heads: what the heads look at in a collection's ranked passages."""

from collections.abc import Mapping
from functools import partial

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.mechanism.embeddings import word_vectors
from relevance_neurons.mechanism.measure_heads import Study, with_idf
from relevance_neurons.mechanism.measured_rankings import (
    measure_rankers,
    mechanism_rankings,
    soft_matches_of,
)
from relevance_neurons.mechanism.patcher import Patcher
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet

COUNTED = ["word", "n_documents", "n_total_documents"]


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """Write ``made``: query_attention, head_attention, mechanism_rankings.

    ``given``: run, queries, documents, qrels, word_counts. ``settings``: collection, language,
    rankers (random ones), shuffles, seed, significance.
    """
    run, ranker = pl.read_parquet(given["run"]), load_reranker(**reranker)
    encoded = ranker.encode(pair_texts(run, given["queries"], given["documents"]))
    Patcher.open(ranker, encoded[:1])  # its heads can be told apart, or it ends here in one line
    counts = pl.read_parquet(given["word_counts"], columns=COUNTED)
    vectors, ids = partial(word_vectors, ranker), run.select("query_id", "doc_id").rows()
    soft = soft_matches_of(ranker, encoded, counts["word"], vectors, settings["language"])
    keys = ("seed", "significance")
    own = {key: settings[key] for key in keys} | {"n_shuffles": settings["shuffles"]}
    study = Study(settings["collection"], ids, encoded, soft, **own)
    found = measure_rankers(ranker, study, settings["rankers"])
    write_parquet(
        with_idf(found.query_attention, counts, ranker.tokenizer), made["query_attention"]
    )
    write_parquet(found.head_attention, made["head_attention"])
    rankings = mechanism_rankings(run, found.logits, pl.read_parquet(given["qrels"]))
    write_parquet(rankings, made["mechanism_rankings"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, collection = snakemake.params, snakemake.wildcards.collection
        settings = {"collection": collection, **params.settings}
        main(snakemake.input, snakemake.output, params.reranker, settings)
