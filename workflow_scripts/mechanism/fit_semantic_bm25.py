"""Rule fit_semantic_bm25: how near BM25 with soft term frequencies of heads comes to the ranker."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.mechanism.semantic_bm25.table import semantic_bm25
from relevance_neurons.mechanism.semantic_bm25.variants import Regressions
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet

TABLES = ("query_attention", "mechanism_rankings", "word_counts")


def main(
    given: Mapping[str, str | Sequence[str]], made: str, settings: Mapping[str, object]
) -> None:
    """Write ``made``, the table semantic_bm25 of all collections.

    ``given``: heads, and ``TABLES`` and qrels, each a file a collection in the order of
    ``settings["collections"]``. ``settings``: collections, folds, random_draws, seed, measure,
    ambiguous (of ``measure_rankings``).
    """
    heads, found = pl.read_parquet(given["heads"]), []
    fits = [settings[name] for name in ("folds", "random_draws", "seed")]
    for place, collection in enumerate(settings["collections"]):
        tables = [pl.read_parquet(given[name][place]) for name in TABLES]
        qrels = pl.read_parquet(given["qrels"][place])
        measure = [settings[name] for name in ("measure", "ambiguous")]
        found.append(semantic_bm25(Regressions(*tables, heads, *fits), collection, qrels, *measure))
    write_parquet(pl.concat(found), made)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input, snakemake.output.semantic_bm25, snakemake.params.settings)
