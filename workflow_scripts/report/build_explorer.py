"""Rule build_explorer: the page that shows a study's results and lets one look further."""

from relevance_neurons.report.explorer.explore import write_explorer
from relevance_neurons.running.job import job


def main(database: str, explorer: str) -> None:
    """Write the page of ``database``."""
    write_explorer(database, explorer)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.database, snakemake.output.explorer)
