"""Rule score_pairs: judged pairs, kept where the ranker agrees, and the neurons' outputs there."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.ablation.activations import measure_activations
from relevance_neurons.collections.pairs import keep_pairs, order_pairs
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet

CHUNK = 256
"""Pairs that are scored before it is looked whether enough are kept."""


def scorer(reranker: Reranker, queries: str, documents: str):
    """A function from pairs (query_id, doc_id) to (p_relevant, n_tokens), each of shape (n,)."""

    def score(pairs: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        texts = pair_texts(pairs, queries, documents)
        n_tokens = np.array([len(pair) for pair in reranker.encode(texts)])
        return np.exp(rerank_under_ablations(reranker, texts, [None])[0]), n_tokens

    return score


def main(
    collection: Mapping[str, str],
    made: Mapping[str, str],
    reranker: Mapping[str, object],
    grades: Mapping[str, Sequence[int]],
    max_pairs: int,
    seed: int,
) -> None:
    """Score the judged pairs of each label in ``grades`` until ``max_pairs`` of it are kept.

    ``made``: pairs, and activations, which are measured on the kept ones of all labels.
    """
    ranker = load_reranker(**reranker)
    ordered = order_pairs(
        pl.read_parquet(collection["qrels"]), grades["relevant"], grades["non_relevant"], seed
    )
    score = scorer(ranker, collection["queries"], collection["documents"])
    scored = [
        keep_pairs(ordered, score, max_pairs, CHUNK, collection=collection["name"], label=label)
        for label in ("relevant", "non_relevant")
        if grades[label]
    ]
    pairs = pl.concat(scored)
    texts = pair_texts(pairs.filter("kept"), collection["queries"], collection["documents"])
    write_parquet(measure_activations(ranker, texts), made["activations"])
    write_parquet(pairs, made["pairs"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        given, params = snakemake.input, snakemake.params
        main(
            {"name": snakemake.wildcards.collection, **dict(given.items())},
            snakemake.output,
            params.reranker,
            params.grades,
            params.max_pairs,
            params.seed,
        )
