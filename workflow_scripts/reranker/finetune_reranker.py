"""Rule finetune_reranker: make a small ranker from the training queries of collections."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.rankers.training import Collection, TrainingSettings, finetune_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet

KEYS = ("max_length", "batch_size", "learning_rate", "epochs", "negatives", "loss")


def main(
    tables: Mapping[str, Sequence[str]],
    grades: Mapping[str, Sequence[Sequence[int]]],
    finetune: Mapping[str, object],
    seed: int,
    model: str,
    training: str,
) -> None:
    """``tables``: documents, queries, qrels of each collection; ``grades``: relevant, non_relevant.

    ``finetune`` is the study's key: base, pairs, and what else is of ``TrainingSettings``.
    """
    frames = [[pl.read_parquet(path) for path in paths] for paths in tables.values()]
    collections = [Collection(*each) for each in zip(*frames, *grades.values(), strict=True)]
    options = {key: finetune[key] for key in KEYS}
    settings = TrainingSettings(n_pairs=finetune["pairs"], seed=seed, **options)
    write_parquet(finetune_reranker(finetune["base"], collections, settings, model), training)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        names = ("documents", "queries", "qrels")
        main(
            {name: list(snakemake.input[name]) for name in names},
            {name: snakemake.params[name] for name in ("relevant", "non_relevant")},
            snakemake.params.finetune,
            snakemake.params.seed,
            snakemake.output.model,
            snakemake.output.training,
        )
