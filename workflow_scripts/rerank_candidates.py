"""Rule rerank_candidates: one collection's candidates under every ablation and random draw."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl
import torch

from job import job
from relevance_neurons.ablation import rerank_under_ablations
from relevance_neurons.loading import load_reranker
from relevance_neurons.neurons import Neurons
from relevance_neurons.outputs import write_parquet
from relevance_neurons.random_draws import draw_like
from relevance_neurons.texts import pair_texts

Ablation = tuple[str, float, int, pl.DataFrame | None]


def ablations(
    schemes: pl.DataFrame, ablated: Sequence[str], neurons: Neurons, n_draws: int, seed: int
) -> Iterator[Ablation]:
    """(scheme, top_percent, draw, neurons): the whole ranker, the schemes, their random draws."""
    yield "none", 0.0, 0, None
    selected = schemes.filter(pl.col("scheme").is_in(ablated)).sort("scheme", "top_percent")
    for (scheme, level), group in selected.group_by("scheme", "top_percent", maintain_order=True):
        yield scheme, level, 0, group
        for draw in range(n_draws):
            drawn = draw_like(group, neurons, draw, seed)
            yield f"random:{scheme}", level, draw, drawn


def main(
    given: Mapping[str, str],
    rerankings: str,
    reranker: Mapping[str, object],
    ablated: Sequence[str],
    n_draws: int,
    seed: int,
) -> None:
    """Score every candidate under every ablation; a scheme that selected nothing has no rows."""
    candidates = pl.read_parquet(given["candidates"])
    texts = pair_texts(candidates, given["queries"], given["documents"])
    ranker = load_reranker(**reranker)
    schemes = pl.read_parquet(given["schemes"])
    todo = list(ablations(schemes, ablated, ranker.neurons, n_draws, seed))
    scores = rerank_under_ablations(ranker, texts, [neurons for *_, neurons in todo])
    ids = candidates.select("query_id", "doc_id")
    parts = [
        ids.select(
            pl.lit(scheme).alias("scheme"),
            pl.lit(level).alias("top_percent"),
            pl.lit(draw, dtype=pl.Int32).alias("draw"),
            pl.all(),
            pl.Series("score", row),
        )
        for (scheme, level, draw, _), row in zip(todo, scores, strict=True)
    ]
    write_parquet(pl.concat(parts), rerankings)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        torch.set_num_threads(snakemake.threads)
        params = snakemake.params
        main(
            snakemake.input,
            snakemake.output.rerankings,
            params.reranker,
            params.ablated,
            params.random_draws,
            params.seed,
        )
