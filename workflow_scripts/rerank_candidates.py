"""Rule rerank_candidates: one collection's candidates under every ablation and random draw."""

from collections.abc import Mapping, Sequence

import polars as pl
import torch

from job import job
from relevance_neurons.ablation import rerank_under_ablations
from relevance_neurons.conditions import Settings, conditions
from relevance_neurons.loading import load_reranker
from relevance_neurons.outputs import write_parquet
from relevance_neurons.texts import pair_texts


def main(
    given: Mapping[str, str],
    rerankings: str,
    reranker: Mapping[str, object],
    ablated: Sequence[str],
    settings: Settings,
) -> None:
    """Score every candidate under every ablation; a scheme that selected nothing has no rows."""
    candidates = pl.read_parquet(given["candidates"])
    texts = pair_texts(candidates, given["queries"], given["documents"])
    ranker = load_reranker(**reranker)
    schemes = pl.read_parquet(given["schemes"]).filter(pl.col("scheme").is_in(ablated))
    activations = pl.read_parquet(given["activations"])
    todo = list(conditions(schemes, ranker.neurons, activations, settings))
    scores = rerank_under_ablations(ranker, texts, [one.neurons for one in todo])
    ids = candidates.select("query_id", "doc_id")
    parts = [
        ids.select(
            pl.lit(one.scheme).alias("scheme"),
            pl.lit(one.top_percent).alias("top_percent"),
            pl.lit(one.draw, dtype=pl.Int32).alias("draw"),
            pl.all(),
            pl.Series("score", row),
        )
        for one, row in zip(todo, scores, strict=True)
    ]
    write_parquet(pl.concat(parts), rerankings)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        torch.set_num_threads(snakemake.threads)
        params, output = snakemake.params, snakemake.output.rerankings
        main(snakemake.input, output, params.reranker, params.ablated, Settings(**params.settings))
