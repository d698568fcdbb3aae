"""What finds the passages that are re-ranked: BM25, or a run of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from relevance_neurons.collections.own_run import OwnRun, read_run
from relevance_neurons.collections.retrieval import Bm25, Bm25Index, open_index


def open_first_stage(
    given: Mapping[str, str], queries: pl.DataFrame, bm25: Mapping[str, object]
) -> Bm25Index | OwnRun:
    """The run ``given["own_run"]`` if there is one, else the index ``given["index"]``.

    ``given`` also has the path of the documents; ``bm25`` are the settings of ``Bm25``.
    """
    documents = Path(given["documents"])
    if own_run := given.get("own_run"):  # `in` would look among the paths of Snakemake's inputs
        return read_run(own_run, queries, documents)
    return open_index(documents, given["index"], Bm25(**bm25))
