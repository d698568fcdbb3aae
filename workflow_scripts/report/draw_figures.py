"""Rule draw_figures: the paper's figures, those of the ablations, the checks and the methods."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl
from matplotlib.figure import Figure

from relevance_neurons.report.figures.ablation import effects_figure, quality_figure
from relevance_neurons.report.figures.controls import controls_figure
from relevance_neurons.report.figures.levels import levels_figure
from relevance_neurons.report.figures.locations import figure4
from relevance_neurons.report.figures.loss_curves import loss_curves_figure
from relevance_neurons.report.figures.method_effects import method_effects_figure
from relevance_neurons.report.figures.neuron_tokens import neuron_tokens_figure
from relevance_neurons.report.figures.overlaps import figure2, figure3
from relevance_neurons.report.figures.sanity import figure1, sanity_figure
from relevance_neurons.report.figures.stability import stability_figure
from relevance_neurons.report.figures.style import save_figure
from relevance_neurons.report.figures.transfer import transfer_figure
from relevance_neurons.report.names import of_own_method
from relevance_neurons.report.tables.stability import usual_level
from relevance_neurons.running.job import job

Read = Callable[[str], pl.DataFrame]
Draw = Callable[[], Figure]


def of_own(
    read: Read, in_domain, outliers, ablation: Mapping, of_figure4, methods
) -> dict[str, Draw]:
    """The figures of the study's own method, and those in which methods do not matter."""
    first, measure = methods[0], ablation["measure"]
    schemes = of_own_method(ablation["schemes"])
    controls = {"value": ablation["value"], "margin": ablation["equivalence_margin"]}
    sanity = ("randomisation", "single_neurons", "single_neuron_correlations")
    return {
        "figure1": lambda: figure1(read("path_example")),
        "figure2": lambda: figure2(read("overlaps"), in_domain, outliers, first),
        "figure3": lambda: figure3(read("overlaps"), first),
        "figure4": lambda: figure4(read("schemes"), *of_figure4),
        "neuron_tokens": lambda: neuron_tokens_figure(
            read("neuron_tokens"), read("schemes"), *of_figure4
        ),
        "effects": lambda: effects_figure(read("ablation_effects"), in_domain, measure, schemes),
        "controls": lambda: controls_figure(
            read("ablation_effects"), in_domain, measure, **controls, schemes=schemes
        ),
        "sanity": lambda: sanity_figure(*map(read, sanity), methods),
        "quality": lambda: quality_figure(read("ranking_quality")),
        "stability": lambda: stability_figure(read("split_halves"), read("overlaps"), first),
    }


def side_by_side(
    read: Read, pooled: pl.DataFrame | None, ablation: Mapping, attributed, methods
) -> dict[str, Draw]:
    """The figures that show all methods."""
    measure, schemes = ablation["measure"], ablation["schemes"]
    heads = ablation.get("heads", [])  # schemes of no method
    of_methods = [one for one in schemes if one not in heads]

    def transfer() -> Figure:
        effects = read("ablation_effects")
        level = usual_level(effects["top_percent"].unique().to_list())
        return transfer_figure(effects, attributed, methods, measure, level)

    return {
        "method_effects": lambda: method_effects_figure(
            read("ablation_effects"), pooled, methods, measure, of_methods
        ),
        "loss_curves": lambda: loss_curves_figure(
            read("loss_curves"), read("curve_areas"), methods, measure, ablation["significance"]
        ),
        "levels": lambda: levels_figure(
            read("level_changes"), read("ablation_effects"), methods, measure, schemes, heads
        ),
        "transfer": transfer,
    }


def main(
    input,
    output,
    in_domain: Sequence[str],
    outliers: Sequence[str],
    ablation: Mapping,
    scheme: str,
    top_percent: float,
    components: Sequence[str],
    methods: Sequence[str],
    attributed: Sequence[str],
) -> None:
    """Draw every figure that ``output`` names, of the files that it needs of ``input``.

    ``scheme`` at its level is figure 4's; ``methods``: the study's, its own first; ``attributed``:
    the collections with maps. A study without loss curves has neither their files nor the figure.
    """

    def read(name: str) -> pl.DataFrame:
        return pl.read_parquet(input[name])

    pooled = read("pooled_effects") if input["pooled_effects"] else None
    figure4_of = (scheme, top_percent, components)
    figures = of_own(read, in_domain, outliers, ablation, figure4_of, methods)
    figures |= side_by_side(read, pooled, ablation, attributed, methods)
    for name in output.keys():  # noqa: SIM118, for Snakemake's lists of files
        save_figure(figures[name](), output[name])


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
            snakemake.params.methods,
            snakemake.params.attributed,
        )
