"""Rule test_ablations: effect, test and interval of every ablation on every collection."""

from collections.abc import Sequence

from relevance_neurons.ablation.query_values import read_measures, sizes_of
from relevance_neurons.ablation.significance import ablation_effects
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    measures: Sequence[str],
    scheme_sizes: str,
    output: str,
    collections: Sequence[str],
    ablated: Sequence[str],
    levels: Sequence[float],
    significance: float,
    equivalence_margin: float,
    seed: int,
) -> None:
    """Test the schemes in ``ablated`` at ``levels``, whatever else was measured for curves.

    ``measures`` are files in the order of ``collections``.
    """
    tested = read_measures(measures, collections, ablated), sizes_of(scheme_sizes, ablated)
    limits = significance, equivalence_margin
    write_parquet(ablation_effects(*tested, *limits, seed=seed, levels=levels), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input.measures,
            snakemake.input.scheme_sizes,
            snakemake.output.ablation_effects,
            snakemake.params.collections,
            snakemake.params.ablated,
            snakemake.params.levels,
            snakemake.params.significance,
            snakemake.params.equivalence_margin,
            snakemake.params.seed,
        )
