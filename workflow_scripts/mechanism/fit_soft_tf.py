"""Rule fit_soft_tf: the saturation of each head's attention by term count, by collection."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.mechanism.soft_tf import KINDS, fit_soft_tf
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet

COLUMNS = ["query_id", "doc_id", "word", "tf", "passage_words", *KINDS]


def main(
    given: Mapping[str, list[str] | str], soft_tf: str, settings: Mapping[str, object]
) -> None:
    """Write ``soft_tf``.

    ``given``: query_attention (a file of each of ``settings["collections"]``, in their order),
    heads. ``settings``: collections, seed.
    """
    heads, found = pl.read_parquet(given["heads"]), []
    for collection, file in zip(settings["collections"], given["query_attention"], strict=True):
        rows = pl.scan_parquet(file).filter(pl.col("ranker") == "study").select(COLUMNS).collect()
        found.append(fit_soft_tf(rows, heads, collection, settings["seed"]))
    write_parquet(pl.concat(found), soft_tf)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given = dict(snakemake.input.items())
        main(given, snakemake.output.soft_tf, snakemake.params.settings)
