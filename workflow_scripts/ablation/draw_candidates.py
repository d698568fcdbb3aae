"""Rule draw_candidates: the passages re-ranked for each query, relevant ones and others."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from relevance_neurons.collections.candidates import draw_candidates, warn_of_copies
from relevance_neurons.collections.first_stage import open_first_stage
from relevance_neurons.collections.grades import with_labels
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    candidates: str,
    bm25: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """``settings``: relevant_grades, n_candidates, max_queries and seed of ``draw_candidates``."""
    queries, qrels = pl.read_parquet(given["queries"]), pl.read_parquet(given["qrels"])
    first_stage = open_first_stage(given, queries, bm25)
    drawn = draw_candidates(first_stage, queries, qrels, **settings)
    warn_of_copies(drawn, with_labels(qrels), Path(given["documents"]))
    write_parquet(drawn, candidates)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, made = snakemake.params, snakemake.output.candidates
        main(snakemake.input, made, params.bm25, params.settings)
