"""Rule correlate_idf: which component of the ranker's word embeddings grows with IDF."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from relevance_neurons.mechanism.embeddings import whole_words, word_embeddings
from relevance_neurons.mechanism.idf_components import Components, correlate_components
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql

SQL = Path(__file__).with_suffix(".sql")


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
    name: str,
) -> None:
    """Of the collection ``name``. ``settings``: permutations, significance, seed.

    The embeddings alone are looked at: a GPU would only have to be waited for.
    """
    ranker = load_reranker(**reranker, device="cpu")
    with TemporaryDirectory() as folder:
        vocabulary = Path(folder) / "whole_words.parquet"
        write_parquet(whole_words(ranker.tokenizer), vocabulary)
        words = run_sql(SQL, whole_words=vocabulary, word_counts=given["word_counts"])
    components = Components.of(word_embeddings(ranker))
    found = correlate_components(components, words, **settings)
    named = found.select(pl.lit(name).alias("collection"), pl.all())
    write_parquet(named, made["idf_components"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, name = snakemake.params, snakemake.wildcards.collection
        main(snakemake.input, snakemake.output, params.reranker, params.settings, name)
