"""Rule summarise_evaluations: the mean of every ranking on every collection, with an interval."""

from collections.abc import Sequence

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.statistics.bootstrap import mean_interval


def summarise(values: pl.DataFrame, collection: str, seed: int) -> pl.DataFrame:
    """A row per ranking of ``values`` (ranking, query_id, measure, value)."""
    rows = []
    for (ranking, measure), group in values.sort("ranking", "query_id").group_by(
        "ranking", "measure", maintain_order=True
    ):
        mean, low, high = mean_interval(group["value"].to_numpy(), seed=seed)
        rows.append((collection, ranking, measure, mean, low, high, len(group)))
    numbers = dict.fromkeys(("value", "ci_low", "ci_high"), pl.Float64) | {"n_queries": pl.Int64}
    names = dict.fromkeys(("collection", "ranking", "measure"), pl.String)
    return pl.DataFrame(rows, schema=names | numbers, orient="row")


def main(
    evaluations: Sequence[str], ranking_quality: str, collections: Sequence[str], seed: int
) -> None:
    """``evaluations`` are files in the order of ``collections``."""
    parts = [
        summarise(pl.read_parquet(path), name, seed)
        for path, name in zip(evaluations, collections, strict=True)
    ]
    write_parquet(pl.concat(parts), ranking_quality)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input.evaluations,
            snakemake.output.ranking_quality,
            snakemake.params.collections,
            snakemake.params.seed,
        )
