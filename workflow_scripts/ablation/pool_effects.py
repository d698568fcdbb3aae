"""Rule pool_effects: one test of every ablation over the queries of all collections of a domain."""

from collections.abc import Mapping, Sequence

from relevance_neurons.ablation.pooled import pooled_effects
from relevance_neurons.ablation.query_values import read_measures, sizes_of
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    measures: Sequence[str],
    domains: Mapping[str, str],
    scheme_sizes: str,
    ablated: Sequence[str],
    levels: Sequence[float],
    significance: float,
    seed: int,
    output: str,
) -> None:
    """``measures`` are files in the order of ``domains`` (collection -> in or out)."""
    tested = read_measures(measures, list(domains), ablated), sizes_of(scheme_sizes, ablated)
    settings = {"alpha": significance, "levels": levels, "seed": seed}
    write_parquet(pooled_effects(*tested, domains, **settings), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        places = given.measures, params.domains, given.scheme_sizes
        settings = params.ablated, params.levels, params.significance, params.seed
        main(*places, *settings, snakemake.output.pooled_effects)
