"""Rule gather_rerankings: a collection's rankings under every ablation in one table."""

from collections.abc import Sequence
from pathlib import Path

from relevance_neurons.running.job import job
from relevance_neurons.running.sql import write_sql

SQL = Path(__file__).with_suffix(".sql")


def main(shards: Sequence[str], rerankings: str) -> None:
    """``shards``: the files of rule rerank_candidates; their rows stream into ``rerankings``."""
    write_sql(SQL, rerankings, rerankings=list(shards))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.rerankings, snakemake.output.rerankings)
