"""Rule measure_curves: losses against the number of neurons off, and the areas under them."""

from collections.abc import Mapping, Sequence

from relevance_neurons.ablation.curve_areas import curve_areas
from relevance_neurons.ablation.loss_curves import loss_curves, losses
from relevance_neurons.ablation.query_values import read_measures, sizes_of
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    measures: Sequence[str],
    collections: Sequence[str],
    scheme_sizes: str,
    schemes: Sequence[str],
    levels: Sequence[float],
    methods: Sequence[str],
    seed: int,
    made: Mapping[str, str],
) -> None:
    """Write ``made``: loss_curves, curve_areas, of ``schemes`` at ``levels``.

    ``measures`` are files in the order of ``collections``; of ``methods`` the first is the study's.
    """
    sizes = sizes_of(scheme_sizes, schemes)
    values = read_measures(measures, collections, schemes)
    found = list(losses(values, sizes, levels, seed=seed))
    write_parquet(loss_curves(found, sizes, methods[0]), made["loss_curves"])
    write_parquet(curve_areas(found, sizes, methods), made["curve_areas"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        places = given.measures, params.collections, given.scheme_sizes
        settings = params.schemes, params.levels, params.methods, params.seed
        main(*places, *settings, snakemake.output)
