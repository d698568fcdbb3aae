"""Rule gather_schemes: the neurons of every scheme at every level in one table, and their sizes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql
from relevance_neurons.selection.schemes import log_schemes

SQL = Path(__file__).parent


def main(
    selected: Mapping[str, Sequence[str]], made: Mapping[str, str], collections: Sequence[str]
) -> None:
    """``selected``: the files of rule select_neurons; ``collections`` are those of attribution."""
    schemes = run_sql(SQL / "gather_schemes.sql", schemes=selected["schemes"])
    sizes = run_sql(SQL / "gather_sizes.sql", scheme_sizes=selected["scheme_sizes"])
    log_schemes(sizes, collections)
    write_parquet(schemes, made["schemes"])
    write_parquet(sizes, made["scheme_sizes"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params.collections)
