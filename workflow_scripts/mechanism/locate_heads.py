"""Rule locate_heads: which neurons of the attention are which head's."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.mechanism.head_neurons import head_neurons
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(heads: str | None, output: str, reranker: Mapping[str, object]) -> None:
    """``heads``: the table of which heads are of which kind; None where the study has none.

    The weights alone are looked at: a GPU would only have to be waited for.
    """
    kinds = None if heads is None else pl.read_parquet(heads)
    ranker = load_reranker(**reranker, device="cpu")
    write_parquet(head_neurons(ranker, kinds), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, made = snakemake.input, snakemake.output
        main(given.get("heads"), made.head_neurons, snakemake.params.reranker)
