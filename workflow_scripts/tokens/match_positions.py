"""Rule match_positions: where in passages the query's tokens first are, and what that goes with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql, write_sql

SQL = Path(__file__).parent
TABLES = {"matched_positions": "match_positions.sql", "top_passages": "match_top_passages.sql"}


def main(
    given: Mapping[str, Sequence[str]], made: Mapping[str, str], collections: Sequence[str]
) -> None:
    """Write ``made``: ``TABLES``. ``given``: token_rankings, ranked_tokens of ``collections``."""
    found: dict[str, list[pl.DataFrame]] = {table: [] for table in TABLES}
    files = zip(collections, given["token_rankings"], given["ranked_tokens"], strict=True)
    for collection, rankings, tokens in files:
        with TemporaryDirectory() as folder:
            matches = Path(folder) / "passage_matches.parquet"
            variables = {"token_rankings": rankings, "ranked_tokens": tokens}
            write_sql(SQL / "passage_matches.sql", matches, **variables)
            of = {"passage_matches": matches, "collection": collection}
            for table, query in TABLES.items():  # one thread: sums have the same last digits
                found[table].append(run_sql(SQL / query, one_thread=True, **of))
    for table in TABLES:
        write_parquet(pl.concat(found[table]), made[table])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params.collections)
