"""Rule search_collection: BM25's best passages of a collection for some of its queries."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from relevance_neurons.collections.retrieval import Bm25, evaluated_queries, open_index
from relevance_neurons.errors import UserError
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    run: str,
    bm25: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """Write query_id, doc_id, bm25_rank, bm25_score; ``settings``: depth, max_queries, seed."""
    index = open_index(Path(given["documents"]), given["index"], Bm25(**bm25))
    queries, qrels = pl.read_parquet(given["queries"]), pl.read_parquet(given["qrels"])
    chosen = evaluated_queries(queries, qrels, settings["max_queries"], settings["seed"])
    found = index.search(chosen, settings["depth"])
    if found.is_empty():
        raise UserError(f"{given['queries']}: BM25 finds no passage for any query")
    write_parquet(found, run)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, run = snakemake.params, snakemake.output.run
        main(snakemake.input, run, params.bm25, params.settings)
