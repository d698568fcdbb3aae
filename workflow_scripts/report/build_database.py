"""Rule build_database: all tables of the study in one DuckDB file, with macros and comments."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from relevance_neurons.report.database import build_database
from relevance_neurons.running.job import job

SQL = Path(__file__).parent


def main(
    inputs: Mapping[str, str | Sequence[str]],
    database: str,
    file_keys: Mapping[str, Sequence[str | Sequence[str]]],
    collections: Mapping[str, Mapping[str, object]],
    study: Mapping[str, object],
) -> None:
    """Gather ``inputs`` (table -> its files); ``sql`` among them only makes the rule rerun."""
    files = {table: paths for table, paths in inputs.items() if table != "sql"}
    build_database(database, SQL, files, file_keys, collections, study)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        inputs, params = dict(snakemake.input.items()), snakemake.params
        main(inputs, snakemake.output.database, params.file_keys, params.collections, params.study)
