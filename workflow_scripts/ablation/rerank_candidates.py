"""Rule rerank_candidates: a shard of one collection's candidates under a batch of ablations."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.ablation.conditions import UNABLATED, Condition, Settings, conditions
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.rankers.neurons import Neurons
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.shards import shard_range
from relevance_neurons.selection.ablation_kinds import with_kind


def batch(
    given: Mapping[str, str | Sequence[str]],
    neurons: Neurons,
    schemes: Sequence[str],
    settings: Mapping[str, object],
) -> list[Condition]:
    """Every ablation of ``schemes``; the whole ranker where there are none."""
    if not schemes:
        return [UNABLATED]
    files = pl.concat(map(pl.read_parquet, given["selected"]))
    selected = with_kind(files).filter(pl.col("of").is_in(schemes)).drop("kind", "of")
    activations = pl.read_parquet(given["activations"])
    return list(conditions(selected, neurons, activations, Settings(**settings)))


def main(
    given: Mapping[str, str],
    rerankings: str,
    reranker: Mapping[str, object],
    schemes: Sequence[str],
    settings: Mapping[str, object],
    shard: tuple[int, int],
) -> None:
    """Score a ``shard`` (k of n) of the candidates; a scheme that selected nothing has no rows."""
    candidates = pl.read_parquet(given["candidates"])
    rows = shard_range(len(candidates), *shard)
    candidates = candidates[rows.start : rows.stop]
    texts = pair_texts(candidates, given["queries"], given["documents"])
    ranker = load_reranker(**reranker)
    todo = batch(given, ranker.neurons, schemes, settings)
    ids = candidates.select("query_id", "doc_id")
    parts = [UNABLATED.rows(ids.clear(), [])]  # the columns, where there is nothing to rank
    if texts and todo:
        scores = rerank_under_ablations(ranker, texts, [one.neurons for one in todo])
        parts += [one.rows(ids, row) for one, row in zip(todo, scores, strict=True)]
    write_parquet(pl.concat(parts), rerankings)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        given, params, output = snakemake.input, snakemake.params, snakemake.output.rerankings
        shard = int(snakemake.wildcards.shard), params.n_shards
        main(given, output, params.reranker, params.schemes, params.settings, shard)
