"""Rule draw_figures: the paper's figures, those of the ablations and of the sanity checks."""

import polars as pl

from relevance_neurons.report.figures.ablation import effects_figure, quality_figure
from relevance_neurons.report.figures.controls import controls_figure
from relevance_neurons.report.figures.locations import figure4
from relevance_neurons.report.figures.overlaps import figure2, figure3
from relevance_neurons.report.figures.sanity import figure1, sanity_figure
from relevance_neurons.report.figures.stability import stability_figure
from relevance_neurons.report.figures.style import save_figure
from relevance_neurons.running.job import job


def main(
    input, output, in_domain, outliers, ablation, scheme: str, top_percent: float, components
) -> None:
    """Draw every figure; ``output`` maps names to files; ``scheme`` at its level is figure 4's."""
    measure, schemes = ablation["measure"], ablation["schemes"]
    controls = {"value": ablation["value"], "margin": ablation["equivalence_margin"]}
    overlaps = pl.read_parquet(input["overlaps"])
    effects = pl.read_parquet(input["ablation_effects"])
    sanity = ("randomisation", "single_neurons", "single_neuron_correlations")
    figures = {
        "figure1": figure1(pl.read_parquet(input["path_example"])),
        "figure2": figure2(overlaps, in_domain, outliers),
        "figure3": figure3(overlaps),
        "figure4": figure4(pl.read_parquet(input["schemes"]), scheme, top_percent, components),
        "effects": effects_figure(effects, in_domain, measure, schemes),
        "controls": controls_figure(effects, in_domain, measure, **controls, schemes=schemes),
        "sanity": sanity_figure(*(pl.read_parquet(input[name]) for name in sanity)),
        "quality": quality_figure(pl.read_parquet(input["ranking_quality"])),
        "stability": stability_figure(pl.read_parquet(input["split_halves"]), overlaps),
    }
    for name, figure in figures.items():
        save_figure(figure, output[name])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input,
            snakemake.output,
            snakemake.params.in_domain,
            snakemake.params.outliers,
            snakemake.params.ablation,
            snakemake.params.scheme,
            snakemake.params.top_percent,
            snakemake.params.components,
        )
