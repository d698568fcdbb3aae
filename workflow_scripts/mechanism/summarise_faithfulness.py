"""Rule summarise_faithfulness: what is kept on all collections, beside random heads."""

from collections.abc import Sequence
from pathlib import Path

from relevance_neurons.running.job import job
from relevance_neurons.running.sql import write_sql

SQL = Path(__file__).with_suffix(".sql")


def main(faithfulness: Sequence[str], made: str) -> None:
    """``faithfulness``: the files of rule test_faithfulness."""
    write_sql(SQL, made, one_thread=True, faithfulness=list(faithfulness))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.faithfulness, snakemake.output.faithfulness)
