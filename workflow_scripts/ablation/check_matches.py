"""Rule check_matches: how large the neurons of matched draws are beside those of their scheme."""

from collections.abc import Sequence

import polars as pl

from relevance_neurons.ablation.conditions import Settings
from relevance_neurons.ablation.match_quality import match_table
from relevance_neurons.rankers.loading import load_neurons
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet

KEYS = ["scheme", "top_percent", "layer", "component", "neuron"]


def main(
    schemes: str,
    activations: str,
    output: str,
    model: str,
    ablated: Sequence[str],
    settings: Settings,
    heads: Sequence[str] = (),
) -> None:
    """Draw what the re-ranking draws, and compare sizes; of ``model`` only its shape is read.

    ``heads``: the files of rule select_heads, which name each neuron's head.
    """
    chosen = pl.read_parquet(schemes).filter(pl.col("scheme").is_in(ablated))
    if heads:
        of_heads = pl.concat(map(pl.read_parquet, heads)).select(*KEYS, "head")
        chosen = chosen.join(of_heads, on=KEYS, how="left", maintain_order="left")
    table = match_table(chosen, load_neurons(model), pl.read_parquet(activations), settings)
    write_parquet(table, output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        places = given.schemes, given.activations, snakemake.output.match_quality
        of = params.reranker["model"], params.ablated, Settings(**params.settings)
        main(*places, *of, given.get("heads", ()))
