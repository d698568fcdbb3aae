"""Rule double_points: some pairs with the points of the path that the study asks for and twice."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.attribution.pair_scores import Settings
from relevance_neurons.checks.convergence import double_points
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    label: str,
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
    n_pairs: int,
) -> None:
    """Attribute the first ``n_pairs`` kept pairs of ``label`` both ways."""
    pairs = pl.read_parquet(given["pairs"]).filter(pl.col("kept"), label=label).head(n_pairs)
    texts = pair_texts(pairs, given["queries"], given["documents"])
    neurons, rows = double_points(load_reranker(**reranker), texts, Settings(label, **settings))
    write_parquet(neurons, made["neurons"])
    rows = pl.concat([pairs.select("query_id", "doc_id"), rows], how="horizontal")
    write_parquet(rows, made["pairs"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, label = snakemake.params, snakemake.wildcards.label
        given, made = snakemake.input, snakemake.output
        main(given, made, label, params.reranker, params.settings, params.n_pairs)
