"""Rule measure_stability: how often other pairs select the same neurons (bootstrap, halves)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.progress import Progress
from relevance_neurons.running.sql import run_sql
from relevance_neurons.statistics.map_agreement import CURVE

SQL = Path(__file__).parent


def main(
    maps: Mapping[str, Sequence[str]], made: Mapping[str, str], top_percents: Sequence[float]
) -> None:
    """Take the maps one by one (memory); the lists name the same maps in the same order."""
    frequencies, halves = [], []
    names = ("neuron_scores", "bootstrap_scores", "half_scores")
    with Progress(len(maps["neuron_scores"]), "stability", unit="maps") as progress:
        for files in zip(*(maps[name] for name in names), strict=True):
            scores, replicates, halved = files
            given = {"neuron_scores": scores, "bootstrap_scores": replicates}
            query = SQL / "measure_stability.sql"
            frequencies.append(run_sql(query, top_percents=top_percents, **given))
            given = {"neuron_scores": scores, "half_scores": halved}
            halves.append(
                run_sql(SQL / "compare_halves.sql", levels=[*top_percents, *CURVE], **given)
            )
            progress.update()
    write_parquet(pl.concat(frequencies), made["selection_frequencies"])
    write_parquet(pl.concat(halves), made["split_halves"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params.top_percents)
