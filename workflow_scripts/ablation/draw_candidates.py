"""Draw the pool of passages that the ranker re-ranks for each query: relevant ones and BM25's."""

from pathlib import Path

import polars as pl

from relevance_neurons.collections.retrieval import Bm25, draw_candidates
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    documents, queries, qrels, output, relevant, n_candidates, max_queries, bm25, seed
) -> None:
    """Write candidates/{collection}.parquet; the documents stream from their file."""
    candidates = draw_candidates(
        Path(documents),
        pl.read_parquet(queries),
        pl.read_parquet(qrels),
        relevant,
        n_candidates,
        max_queries,
        Bm25(**bm25),
        seed,
    )
    write_parquet(candidates, output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input.documents,
            snakemake.input.queries,
            snakemake.input.qrels,
            snakemake.output.candidates,
            relevant=snakemake.params.relevant,
            n_candidates=snakemake.params.candidates,
            max_queries=snakemake.params.max_queries,
            bm25=snakemake.params.bm25,
            seed=snakemake.params.seed,
        )
