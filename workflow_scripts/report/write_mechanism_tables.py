"""Rule write_mechanism_tables: how the ranker ranks, beside the numbers of paper 003."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.report.tables import mechanism, term_weights
from relevance_neurons.report.tables.formats import write_table
from relevance_neurons.running.job import job


def main(
    given: Mapping[str, str], made: Mapping[str, Sequence[str]], settings: Mapping[str, object]
) -> None:
    """Write ``made``: table -> its files.

    ``given``: heads, semantic_bm25, faithfulness, idf_components, idf_edits, patch_screen;
    ``settings``: collections.
    """
    frames = {name: pl.read_parquet(file) for name, file in given.items()}
    collections = settings["collections"]
    for table in (
        mechanism.heads_table(frames["heads"]),
        mechanism.faithfulness_table(frames["faithfulness"]),
        mechanism.patch_screen_table(frames["patch_screen"]),
        term_weights.semantic_bm25_table(frames["semantic_bm25"]),
        term_weights.idf_table(frames["idf_components"], frames["idf_edits"], collections),
    ):
        write_table(table, made[table.name])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, made = dict(snakemake.input.items()), snakemake.output
        main(given, made, snakemake.params.settings)
