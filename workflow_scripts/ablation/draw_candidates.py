"""Rule draw_candidates: the passages re-ranked for each query: the relevant ones and BM25's."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from relevance_neurons.collections.candidates import draw_candidates
from relevance_neurons.collections.retrieval import Bm25, open_index
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    candidates: str,
    bm25: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """``settings``: relevant_grades, n_candidates, max_queries and seed of ``draw_candidates``."""
    index = open_index(Path(given["documents"]), given["index"], Bm25(**bm25))
    queries, qrels = pl.read_parquet(given["queries"]), pl.read_parquet(given["qrels"])
    write_parquet(draw_candidates(index, queries, qrels, **settings), candidates)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, made = snakemake.params, snakemake.output.candidates
        main(snakemake.input, made, params.bm25, params.settings)
