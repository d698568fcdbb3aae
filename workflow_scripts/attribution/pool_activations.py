"""Rule pool_activations: the mean and size of every neuron's output over all collections."""

from collections.abc import Sequence
from pathlib import Path

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql

SQL = Path(__file__).with_suffix(".sql")


def main(activations: Sequence[str], pooled: str) -> None:
    """Each token of ``activations``, a file per collection, counts the same."""
    write_parquet(run_sql(SQL, activations=activations), pooled)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.activations, snakemake.output.activations)
