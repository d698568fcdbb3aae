"""Rule overlap_schemes: what maps share in their tops, over many levels, beside chance."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import check, run_sql
from relevance_neurons.statistics.chance import with_chance
from relevance_neurons.statistics.map_agreement import CURVE

SQL = Path(__file__).parent


def main(
    neuron_scores: Sequence[str],
    overlaps: str,
    domains: Mapping[str, str],
    methods: Sequence[str],
    outliers: Sequence[str],
    top_percents: Sequence[float],
) -> None:
    """Compare the maps of the collections in ``domains`` (name -> in or out) by ``methods``."""
    collections = [{"name": name, "domain": domain} for name, domain in domains.items()]
    maps = {"neuron_scores": neuron_scores, "collections": collections}
    check(SQL / "check_maps.sql", top_percents=top_percents, **maps)
    levels = [*top_percents, *CURVE]
    of = {"methods": methods, "outliers": outliers, "levels": levels}
    shared = run_sql(SQL / "overlap_schemes.sql", **maps, **of)
    last = "method", "methods"
    columns = pl.exclude("n_neurons", "n_maps", *last), *last
    write_parquet(with_chance(shared).select(*columns), overlaps)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        maps, made, params = snakemake.input.neuron_scores, snakemake.output, snakemake.params
        of = params.domains, params.methods, params.outliers, params.top_percents
        main(maps, made.overlaps, *of)
