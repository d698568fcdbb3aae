"""Rule summarise_degradation: how fast p falls by each method, and which method is the better."""

from collections.abc import Mapping
from pathlib import Path

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql
from relevance_neurons.tokens.asked_layer import asked_layer
from relevance_neurons.tokens.degradation_curves import curves_frame, degradation_curves
from relevance_neurons.tokens.degradation_tests import degradation_areas

SQL = Path(__file__).with_suffix(".sql")


def main(
    given: Mapping[str, list[str] | str], made: Mapping[str, str], settings: Mapping[str, object]
) -> None:
    """Write ``made``: degradation_curves, degradation_areas.

    ``given``: token_degradation (the files of all collections and methods), token_statistics.
    ``settings``: methods (names, the first is compared with the others), layer (or None), seed.
    """
    layer = asked_layer(settings["layer"], given["token_statistics"])
    sums = run_sql(SQL, token_degradation=given["token_degradation"])
    found = degradation_curves(sums, seed=settings["seed"])
    curves = [curve for place in found for curve in place]
    write_parquet(curves_frame(curves), made["degradation_curves"])
    areas = degradation_areas(curves, sums, list(settings["methods"]), layer)
    write_parquet(areas, made["degradation_areas"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, made = dict(snakemake.input.items()), dict(snakemake.output.items())
        main(given, made, snakemake.params.settings)
