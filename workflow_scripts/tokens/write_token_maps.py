"""Rule write_token_maps: a page of coloured pairs, all methods and layers, to look at."""

from collections.abc import Sequence

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_text
from relevance_neurons.running.parquet_files import parquet_files
from relevance_neurons.tokens.html import PAIR_COLUMNS, choose_pairs, token_map_page


def main(
    token_scores: Sequence[str],
    token_checks: Sequence[str],
    page: str,
    study: str,
    most_pairs: int = 50,
) -> None:
    """Write ``page`` with at most ``most_pairs`` pairs, from each collection in turn.

    ``token_scores``, ``token_checks``: the files of all collections and methods, in the order in
    which the page lists them.
    """
    scores = pl.scan_parquet(token_scores)
    pairs = scores.select(PAIR_COLUMNS).unique(maintain_order=True).collect()
    chosen = choose_pairs(pairs, most_pairs).lazy()
    shown = scores.join(chosen, on=PAIR_COLUMNS, how="semi", maintain_order="left").collect()
    checks = pl.read_parquet(token_checks)
    write_text(token_map_page(shown, checks, f"Token maps of {study}"), page)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        main(
            parquet_files(given.scores),
            given.checks,
            snakemake.output.page,
            params.study,
            params.most_pairs,
        )
