"""Rule compare_baselines: how little each baseline tells the ranker of relevance (Table 1)."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.attribution.baseline_comparison import compare_baselines
from relevance_neurons.collections.pairs import order_pairs
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(
    collection: Mapping[str, str],
    baselines: str,
    reranker: Mapping[str, object],
    grades: Mapping[str, Sequence[int]],
    n_pairs: int,
    chosen: str,
    seed: int,
) -> None:
    """Compare on ``n_pairs`` judged pairs, half of each label, whatever the ranker thinks."""
    qrels = pl.read_parquet(collection["qrels"])
    ordered = order_pairs(qrels, grades["relevant"], grades["non_relevant"], seed)
    labels = ordered["label"].n_unique()
    pairs = ordered.group_by("label", maintain_order=True).head(-(-n_pairs // labels))
    texts = pair_texts(pairs, collection["queries"], collection["documents"])
    write_parquet(compare_baselines(load_reranker(**reranker), texts, chosen, seed), baselines)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params = snakemake.params
        main(
            dict(snakemake.input.items()),
            snakemake.output.baselines,
            params.reranker,
            params.grades,
            params.n_pairs,
            params.chosen,
            params.seed,
        )
