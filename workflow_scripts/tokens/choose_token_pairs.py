"""Rule choose_token_pairs: the relevant pairs whose tokens are scored, and those of the noise."""

import logging

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet

logger = logging.getLogger(__name__)


def main(pairs: str, token_pairs: str, collection: str, n_scored: int, n_statistics: int) -> None:
    """The first kept relevant pairs: ``n_scored`` to be scored, ``n_statistics`` for the noise."""
    kept = pl.read_parquet(pairs).filter("kept", label="relevant")
    if kept.is_empty():
        raise UserError(
            f"tokens.collections: {collection} has no relevant pair that the ranker takes for "
            "relevant; leave it out, or set attribution.keep to all"
        )
    if len(kept) < n_scored:
        # Way out: nothing need be done; more judged pairs, or attribution.keep: all, give more.
        logger.warning("%s: tokens of %d pairs are scored, not %d", collection, len(kept), n_scored)
    chosen = kept.head(max(n_scored, n_statistics)).select(
        "query_id",
        "doc_id",
        "label",
        "p_relevant",
        is_scored=pl.int_range(pl.len()) < n_scored,
        is_of_statistics=pl.int_range(pl.len()) < n_statistics,
    )
    write_parquet(chosen, token_pairs)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, collection = snakemake.params, snakemake.wildcards.collection
        chosen = snakemake.output.token_pairs
        main(snakemake.input.pairs, chosen, collection, params.n_scored, params.n_statistics)
