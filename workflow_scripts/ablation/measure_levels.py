"""Rule measure_levels: how far ablations shift all scores, and what they take within queries."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from relevance_neurons.ablation.level_intervals import with_intervals
from relevance_neurons.ablation.shared_terms import term_shares, with_many_terms
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql, write_sql

SQL = Path(__file__).parent
FILES = ("rerankings", "measures", "candidates", "qrels", "queries", "documents")


def one_collection(
    given: Mapping[str, str], scheme_sizes: str, collection: str, language: str, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """level_changes and level_controls of a collection; ``given``: ``FILES`` -> its own."""
    candidates = pl.read_parquet(given["candidates"]).filter(pool="relevant")
    texts = given["queries"], given["documents"]
    terms = with_many_terms(term_shares(candidates, *texts, language)).drop("share")
    with TemporaryDirectory() as folder:
        queries = Path(folder) / "query_changes.parquet"
        files = {name: given[name] for name in ("rerankings", "candidates", "qrels")}
        query = SQL / "query_changes.sql"
        write_sql(query, queries, one_thread=True, terms=terms, **files)
        name = {"collection": collection}
        of = {"query_changes": queries, **name}
        changes = run_sql(SQL / "level_changes.sql", one_thread=True, **of)
        changes = with_intervals(changes, pl.read_parquet(queries), collection, seed=seed)
    shifts = changes.select("scheme", "top_percent", "draw", "shift")
    tables = {"measures": given["measures"], "scheme_sizes": scheme_sizes}
    return changes, run_sql(SQL / "level_controls.sql", changes=shifts, **tables, **name)


def main(
    given: Mapping[str, str | Sequence[str]],
    made: Mapping[str, str],
    languages: Mapping[str, str],
    seed: int,
) -> None:
    """Write ``made``: level_changes, level_controls.

    ``given``: ``FILES`` -> files in the order of ``languages`` (collection -> language of its
    texts), and scheme_sizes.
    """
    changes, controls = [], []
    for i, (collection, language) in enumerate(languages.items()):
        files = {name: given[name][i] for name in FILES}
        found = one_collection(files, given["scheme_sizes"], collection, language, seed)
        changes.append(found[0])
        controls.append(found[1])
    write_parquet(pl.concat(changes), made["level_changes"])
    write_parquet(pl.concat(controls), made["level_controls"])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        main(snakemake.input, snakemake.output, params.languages, params.seed)
