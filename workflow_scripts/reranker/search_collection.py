"""Rule search_collection: BM25's best passages of a collection for some of its queries."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from relevance_neurons.collections.retrieval import Bm25, build_index, evaluated_queries
from relevance_neurons.errors import UserError
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(given: Mapping[str, str], run: str, settings: Mapping[str, object]) -> None:
    """Write query_id, doc_id, bm25_rank, bm25_score.

    ``settings``: bm25, depth, max_queries, seed. The documents stream from their file.
    """
    queries, qrels = pl.read_parquet(given["queries"]), pl.read_parquet(given["qrels"])
    chosen = evaluated_queries(queries, qrels, settings["max_queries"], settings["seed"])
    with tempfile.TemporaryDirectory() as folder:
        bm25 = Bm25(**settings["bm25"])
        index = build_index(Path(given["documents"]), Path(folder) / "index", bm25)
        found = index.search(chosen, settings["depth"])
    if found.is_empty():
        raise UserError(f"{given['queries']}: BM25 finds no passage for any query")
    write_parquet(found, run)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input, snakemake.output.run, snakemake.params.settings)
