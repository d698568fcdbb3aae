"""Rule check_convergence: what twice the points of the path would change in a map."""

from collections.abc import Mapping, Sequence

import polars as pl
import torch

from job import job
from relevance_neurons.loading import load_reranker
from relevance_neurons.map_agreement import check_convergence
from relevance_neurons.outputs import write_parquet
from relevance_neurons.pair_scores import Settings
from relevance_neurons.texts import pair_texts


def main(
    given: Mapping[str, str],
    convergence: str,
    of_map: Mapping[str, str],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
    n_pairs: int,
    top_percents: Sequence[float],
) -> None:
    """Attribute the first ``n_pairs`` kept pairs of a map (collection, label) both ways."""
    label = of_map["label"]
    pairs = pl.read_parquet(given["pairs"]).filter(pl.col("kept"), label=label).head(n_pairs)
    texts = pair_texts(pairs, given["queries"], given["documents"])
    rule = Settings(label, **settings)
    found = check_convergence(load_reranker(**reranker), texts, rule, top_percents)
    names = [pl.lit(of_map[name]).alias(name) for name in ("collection", "label")]
    write_parquet(found.select(*names, pl.all()), convergence)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        torch.set_num_threads(snakemake.threads)
        params = snakemake.params
        main(
            snakemake.input,
            snakemake.output.convergence,
            dict(snakemake.wildcards.items()),
            params.reranker,
            params.settings,
            params.n_pairs,
            params.top_percents,
        )
