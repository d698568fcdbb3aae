"""Rule check_matches: how large the neurons of matched draws are beside those of their scheme."""

from collections.abc import Sequence

import polars as pl

from relevance_neurons.ablation.conditions import Settings
from relevance_neurons.ablation.match_quality import match_table
from relevance_neurons.rankers.loading import load_neurons
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    schemes: str,
    activations: str,
    output: str,
    model: str,
    ablated: Sequence[str],
    settings: Settings,
) -> None:
    """Draw what the re-ranking draws, and compare sizes; of ``model`` only its shape is read."""
    chosen = pl.read_parquet(schemes).filter(pl.col("scheme").is_in(ablated))
    table = match_table(chosen, load_neurons(model), pl.read_parquet(activations), settings)
    write_parquet(table, output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        places = given.schemes, given.activations, snakemake.output.match_quality
        main(*places, params.reranker["model"], params.ablated, Settings(**params.settings))
