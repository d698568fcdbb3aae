"""The texts of pairs that are known by their ids."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from relevance_neurons.errors import UserError


def pair_texts(
    pairs: pl.DataFrame, queries: str | Path, documents: str | Path
) -> list[tuple[str, str]]:
    """(query, passage) of each row of ``pairs`` (query_id, doc_id), in its order.

    Only the texts that are asked for are read into memory, whatever the size of the collection.
    Raises ``UserError`` where a text is missing or there twice.
    """
    texts = (
        pairs.select("query_id", "doc_id")
        .join(
            rows_of(queries, "query_id", pairs["query_id"]).rename({"text": "query"}),
            on="query_id",
            how="left",
            maintain_order="left",
        )
        .join(
            rows_of(documents, "doc_id", pairs["doc_id"]).rename({"text": "passage"}),
            on="doc_id",
            how="left",
            maintain_order="left",
        )
    )
    if len(texts) != len(pairs) or texts.null_count().sum_horizontal()[0]:
        raise UserError(
            f"{documents}: texts of {len(pairs)} pairs were asked for, {len(texts)} were found; "
            "ids must be there, and once: prepare the collection again"
        )
    return list(zip(texts["query"], texts["passage"], strict=True))


def rows_of(file: str | Path, id_column: str, ids: pl.Series, column: str = "*") -> pl.DataFrame:
    """The rows of ``file`` with one of ``ids``, by a filter: a join would hold the whole file."""
    asked = pl.col(id_column).is_in(ids.unique().implode())
    return pl.scan_parquet(file).filter(asked).select(column).collect(engine="streaming")
