"""Rule truncate_passages: passages without their least important tokens, ranked again."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.tokens.truncated_rankings import truncated_rankings
from relevance_neurons.tokens.truncation import contested_tops, truncate_tops


def main(
    given: Mapping[str, str], made: Mapping[str, str], reranker: Mapping[str, object], name: str
) -> None:
    """Write ``made``: token_truncation and truncated_rankings of the collection ``name``.

    ``given``: token_rankings, ranked_token_scores, queries, documents, qrels.
    """
    rankings = pl.read_parquet(given["token_rankings"])
    tokens = pl.read_parquet(given["ranked_token_scores"])
    ranker, files = load_reranker(**reranker), (given["queries"], given["documents"])
    tops = contested_tops(rankings, tokens)
    seconds = tops.select("query_id", doc_id="second")
    texts, others = pair_texts(tops, *files), pair_texts(seconds, *files)
    truncated = truncate_tops(ranker, tops, texts, others, tokens)
    scored = rankings.join(tokens, on=["query_id", "doc_id"], how="semi", maintain_order="left")
    qrels, texts = pl.read_parquet(given["qrels"]), pair_texts(scored, *files)
    ranked = truncated_rankings(ranker, scored, texts, tokens, qrels)
    for table, frame in (("token_truncation", truncated), ("truncated_rankings", ranked)):
        write_parquet(frame.select(pl.lit(name).alias("collection"), pl.all()), made[table])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        name = snakemake.wildcards.collection
        main(snakemake.input, snakemake.output, snakemake.params.reranker, name)
