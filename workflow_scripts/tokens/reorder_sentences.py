"""Rule reorder_sentences: a collection's passages with their sentences in other orders, ranked."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.tokens.sentence_order import measure_orders, score_orders


def main(
    given: Mapping[str, str],
    sentence_order: str,
    reranker: Mapping[str, object],
    collection: Mapping[str, str],
    seed: int,
) -> None:
    """Measure the rankings of a ``collection`` (name, language) with sentences in each order.

    ``given``: token_rankings, queries, documents, qrels.
    """
    rankings = pl.read_parquet(given["token_rankings"])
    texts = pair_texts(rankings, given["queries"], given["documents"])
    ranker, language = load_reranker(**reranker), collection["language"]
    scores = score_orders(ranker, rankings, texts, language, seed)
    values = measure_orders(rankings, scores, pl.read_parquet(given["qrels"]))
    name = pl.lit(collection["name"]).alias("collection")
    write_parquet(values.select(name, pl.all()), sentence_order)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, table = snakemake.params, snakemake.output.sentence_order
        collection = {"name": snakemake.wildcards.collection, "language": params.language}
        main(snakemake.input, table, params.reranker, collection, params.seed)
