"""Rule edit_idf: does the score follow, where a term's IDF is moved in its embedding?"""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.mechanism.idf_edits import Moves, measure_changes
from relevance_neurons.mechanism.idf_effects import idf_effects
from relevance_neurons.mechanism.idf_pairs import choose_term_pairs
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
    name: str,
) -> None:
    """Of the collection ``name``. ``settings``: doses, directions, pairs, seed."""
    ranker, seed = load_reranker(**reranker), settings["seed"]
    components = pl.read_parquet(given["idf_components"])
    moves = Moves.along_idf(ranker, components, settings["doses"], settings["directions"], seed)
    rankings = pl.read_parquet(given["mechanism_rankings"])
    texts = pair_texts(rankings, given["queries"], given["documents"])
    n_pairs = settings["pairs"] if moves.unit else 0
    pairs = choose_term_pairs(ranker, rankings, texts, given["word_counts"], n_pairs, seed)
    changes = measure_changes(ranker, pairs, moves)
    found = idf_effects(changes, [pair.query_id for pair in pairs], moves.doses, seed)
    write_parquet(found.select(pl.lit(name).alias("collection"), pl.all()), made["idf_edits"])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, name = snakemake.params, snakemake.wildcards.collection
        main(snakemake.input, snakemake.output, params.reranker, params.settings, name)
