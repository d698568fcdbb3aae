"""Rule summarise_patches: means over pairs of all patches, paths and levels of perturbations."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from relevance_neurons.mechanism.effect_summaries import (
    summarise_doses,
    summarise_patches,
    summarise_paths,
)
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql, write_sql

SQL = Path(__file__).parent


def main(
    given: Mapping[str, Sequence[str]], made: Mapping[str, str], smallest_change: float, seed: int
) -> None:
    """Write ``made``: patches, path_patches, patch_screen, dose_scores.

    ``given``: patch_effects, class_effects, path_effects, receiver_effects, diagnostic_scores of
    all collections. A perturbation that changes the logit by less than ``smallest_change`` is in no
    mean effect.
    """
    scores = list(given["diagnostic_scores"])

    def shares(*names: str) -> pl.DataFrame:
        files = [file for name in names for file in given[name]]
        variables = {"diagnostic_scores": scores, "smallest_change": smallest_change}
        return run_sql(SQL / "patch_shares.sql", effects=files, **variables)

    write_parquet(
        summarise_patches(shares("patch_effects", "class_effects"), seed), made["patches"]
    )
    write_sql(
        SQL / "patch_screen.sql", made["patch_screen"], one_thread=True, patches=made["patches"]
    )
    paths = shares("path_effects", "receiver_effects")
    write_parquet(summarise_paths(paths, seed), made["path_patches"])
    doses = pl.concat(map(pl.read_parquet, scores))
    write_parquet(summarise_doses(doses, seed), made["dose_scores"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        main(snakemake.input, snakemake.output, params.smallest_change, params.seed)
