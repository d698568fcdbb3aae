"""Rule test_ablations: effect, test and interval of every ablation on every collection."""

from collections.abc import Sequence

import polars as pl

from relevance_neurons.ablation.significance import ablation_effects
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    measures: Sequence[str],
    scheme_sizes: str,
    output: str,
    collections: Sequence[str],
    ablated: Sequence[str],
    significance: float,
    equivalence_margin: float,
    seed: int,
) -> None:
    """Test the schemes in ``ablated``; ``measures`` are files in the order of ``collections``."""
    frames = [
        pl.read_parquet(path).with_columns(pl.lit(collection).alias("collection"))
        for path, collection in zip(measures, collections, strict=True)
    ]
    sizes = pl.read_parquet(scheme_sizes).filter(pl.col("scheme").is_in(ablated))
    tested = pl.concat(frames), sizes, significance, equivalence_margin
    effects = ablation_effects(*tested, seed=seed)
    write_parquet(effects, output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input.measures,
            snakemake.input.scheme_sizes,
            snakemake.output.ablation_effects,
            snakemake.params.collections,
            snakemake.params.ablated,
            snakemake.params.significance,
            snakemake.params.equivalence_margin,
            snakemake.params.seed,
        )
