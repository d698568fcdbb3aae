"""Rule rank_passages: the first stage's passages of a collection as the ranker ranks them."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.tokens.passage_tokens import passage_tokens
from relevance_neurons.tokens.rankings import rank_passages


def main(
    given: Mapping[str, str], made: Mapping[str, str], reranker: Mapping[str, object], n_scored: int
) -> None:
    """Write ``made``: token_rankings, the ranked passages, and ranked_tokens, their tokens.

    ``given``: run (that search_collection wrote), queries, documents, qrels.
    """
    run, qrels = pl.read_parquet(given["run"]), pl.read_parquet(given["qrels"])
    texts = pair_texts(run, given["queries"], given["documents"])
    ranker = load_reranker(**reranker)
    write_parquet(passage_tokens(ranker, run, texts), made["ranked_tokens"])
    write_parquet(rank_passages(ranker, run, texts, qrels, n_scored), made["token_rankings"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params = snakemake.params
        main(snakemake.input, snakemake.output, params.reranker, params.n_scored)
