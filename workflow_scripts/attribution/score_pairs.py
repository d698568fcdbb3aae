"""Rule score_pairs: judged pairs, kept where the ranker agrees, and the neurons' outputs there."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.ablation.activations import measure_activations
from relevance_neurons.collections.pairs import (
    Score,
    first_scores,
    keep_pairs,
    order_pairs,
    remembering,
)
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.collections.thresholds import AUTO, cross_fitted, warn_if_one_sided
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet

WRITTEN = ("relevant", "non_relevant")
"""The labels, in the order in which their pairs are written."""

AT_LEAST = 100
"""Pairs of each label, where there are as many, from which a threshold is found."""

CHUNK = 256
"""Pairs that are scored before it is looked whether enough are kept."""


def scorer(reranker: Reranker, queries: str, documents: str) -> Score:
    """A function from pairs (query_id, doc_id) to (p_relevant, n_tokens), each of shape (n,)."""

    def score(pairs: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        texts = pair_texts(pairs, queries, documents)
        n_tokens = np.array([len(pair) for pair in reranker.encode(texts)])
        log_p = rerank_under_ablations(reranker, texts, [None])[0]
        return np.exp(np.float64(log_p)), n_tokens  # float32 would make 1 of all beyond 0.9999999

    return score


def main(
    collection: Mapping[str, str],
    made: Mapping[str, str],
    reranker: Mapping[str, object],
    grades: Mapping[str, Sequence[int]],
    settings: Mapping[str, object],
) -> None:
    """Score the judged pairs of each of the labels until ``max_pairs`` of it are kept.

    ``grades``: of each label; ``settings``: labels, max_pairs, keep, threshold, seed. ``made``:
    pairs, and activations, which are measured on the kept ones of all labels.
    """
    name, labels, seed = collection["name"], settings["labels"], settings["seed"]
    ranker, qrels = load_reranker(**reranker), pl.read_parquet(collection["qrels"])
    score = scorer(ranker, collection["queries"], collection["documents"])
    thresholds = settings["threshold"]
    if thresholds == AUTO:
        score = remembering(score)
        both = order_pairs(qrels, grades["relevant"], grades["non_relevant"], seed)
        first = first_scores(both, score, max(settings["max_pairs"], AT_LEAST), CHUNK)
        thresholds = cross_fitted(first, both["query_id"], seed, name)
    attributed = [grades[label] if label in labels else [] for label in WRITTEN]
    ordered = order_pairs(qrels, *attributed, seed)
    choice = {"collection": name, "thresholds": thresholds, "keep": settings["keep"]}
    pairs = pl.concat(
        keep_pairs(ordered, score, settings["max_pairs"], CHUNK, label=label, **choice)
        for label, of_label in zip(WRITTEN, attributed, strict=True)
        if of_label
    )
    if settings["keep"] == "agreeing":
        warn_if_one_sided(pairs, name)
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
            params.settings,
        )
