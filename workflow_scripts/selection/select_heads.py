"""Rule select_heads: the value neurons of a scheme of heads, and how many they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import check, run_sql

SQL = Path(__file__).parent
SIZES = {
    "scheme": pl.String,
    "top_percent": pl.Float64,
    "n_neurons": pl.Int64,
    "collections": pl.List(pl.String),
}


def main(
    head_neurons: str,
    made: Mapping[str, str],
    scheme: str,
    heads: str | Sequence[Sequence[int]],
    top_percent: float,
) -> None:
    """``heads``: those of ``scheme``, (layer, head) both from 0, or a kind; ``made``: two files."""
    kind = heads if isinstance(heads, str) else ""
    named = [] if kind else [{"layer": layer, "head": head} for layer, head in heads]
    of = {"head_neurons": head_neurons, "scheme": scheme, "heads": named}
    check(SQL / "check_heads.sql", **of)
    chosen = run_sql(SQL / "select_heads.sql", kind=kind, top_percent=top_percent, **of)
    row = (scheme, top_percent, len(chosen), [])  # it rests on no collection's map
    write_parquet(chosen, made["schemes"])
    write_parquet(pl.DataFrame([row], schema=SIZES, orient="row"), made["scheme_sizes"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        level = float(snakemake.wildcards.top_percent)
        main(given.head_neurons, snakemake.output, snakemake.wildcards.group, params.heads, level)
