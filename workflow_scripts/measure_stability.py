"""Rule measure_stability: how often the bootstrap over pairs selects each neuron again."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from job import job
from relevance_neurons.outputs import write_parquet
from relevance_neurons.progress import Progress
from relevance_neurons.sql import run_sql

SQL = Path(__file__).parent / "sql"


def main(
    neuron_scores: Sequence[str],
    bootstrap_scores: Sequence[str],
    selection_frequencies: str,
    top_percents: Sequence[float],
) -> None:
    """Take the maps one by one (memory); both lists name the same maps in the same order."""
    frames = []
    with Progress(len(neuron_scores), "bootstrap", unit="maps") as progress:
        for scores, replicates in zip(neuron_scores, bootstrap_scores, strict=True):
            files = {"neuron_scores": scores, "bootstrap_scores": replicates}
            query = SQL / "measure_stability.sql"
            frames.append(run_sql(query, top_percents=top_percents, **files))
            progress.update()
    write_parquet(pl.concat(frames), selection_frequencies)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        maps, made, params = snakemake.input, snakemake.output, snakemake.params
        scores, replicates = maps.neuron_scores, maps.bootstrap_scores
        main(scores, replicates, made.selection_frequencies, params.top_percents)
