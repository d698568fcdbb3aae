"""Rule draw_token_figures: what attribution to tokens finds, as figures."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.report.figures.sentence_order import sentence_order_figure
from relevance_neurons.report.figures.special_tokens import special_tokens_figure
from relevance_neurons.report.figures.style import save_figure
from relevance_neurons.report.figures.token_degradation import token_degradation_figure
from relevance_neurons.report.figures.token_overlaps import token_overlaps_figure
from relevance_neurons.report.figures.token_positions import token_positions_figure
from relevance_neurons.report.figures.truncated_rankings import truncated_rankings_figure
from relevance_neurons.running.job import job
from relevance_neurons.tokens.asked_layer import asked_layer


def main(
    given: Mapping[str, str], made: Mapping[str, Sequence[str]], settings: Mapping[str, object]
) -> None:
    """Draw every figure that ``made`` names, of the tables ``given``.

    ``settings``: methods (name -> method, the study's own first), layer (or None), important,
    significance.
    """

    def read(name: str) -> pl.DataFrame:
        return pl.read_parquet(given[name])

    methods = list(settings["methods"])
    layer = asked_layer(settings["layer"], given["token_statistics"])
    figures = {
        "token_degradation": lambda: token_degradation_figure(
            read("degradation_curves"), read("degradation_areas"), methods, layer
        ),
        "special_tokens": lambda: special_tokens_figure(read("special_tokens"), methods[0]),
        "token_overlaps": lambda: token_overlaps_figure(
            read("token_overlaps"), read("token_overlap_correlations")
        ),
        "token_positions": lambda: token_positions_figure(
            read("token_positions"), layer, settings["important"]
        ),
        "sentence_order": lambda: sentence_order_figure(
            read("sentence_order_summary"), settings["significance"]
        ),
        "truncated_rankings": lambda: truncated_rankings_figure(read("truncated_rankings_summary")),
    }
    for name in made:
        save_figure(figures[name](), made[name])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, made = dict(snakemake.input.items()), dict(snakemake.output.items())
        main(given, made, snakemake.params.settings)
