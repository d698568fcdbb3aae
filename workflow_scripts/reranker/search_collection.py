"""Rule search_collection: the first stage's best passages of a collection for some queries."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from relevance_neurons.collections.candidates import warn_of_copies
from relevance_neurons.collections.first_stage import open_first_stage
from relevance_neurons.collections.grades import with_labels
from relevance_neurons.collections.retrieval import evaluated_queries
from relevance_neurons.errors import UserError
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    run: str,
    bm25: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """Write query_id, doc_id, and bm25_rank, bm25_score, or run_rank, run_score of an own run.

    ``settings``: depth, max_queries, seed.
    """
    queries, qrels = pl.read_parquet(given["queries"]), pl.read_parquet(given["qrels"])
    first_stage = open_first_stage(given, queries, bm25)
    chosen = evaluated_queries(queries, qrels, settings["max_queries"], settings["seed"])
    found = first_stage.search(chosen, settings["depth"])
    if found.is_empty():
        raise UserError(
            f"{given['queries']}: {first_stage.name} finds no passage for any query; bring a run "
            "of your own (collections.<name>.run)"
        )
    warn_of_copies(found, with_labels(qrels), Path(given["documents"]))
    write_parquet(found, run)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, run = snakemake.params, snakemake.output.run
        main(snakemake.input, run, params.bm25, params.settings)
