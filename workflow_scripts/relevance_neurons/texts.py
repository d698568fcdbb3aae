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
    ids = pairs.lazy().select("query_id", "doc_id")
    passages = pl.scan_parquet(documents).join(ids, on="doc_id", how="semi")
    texts = (
        ids.join(
            pl.scan_parquet(queries).rename({"text": "query"}),
            on="query_id",
            how="left",
            maintain_order="left",
        )
        .join(passages.rename({"text": "passage"}), on="doc_id", how="left", maintain_order="left")
        .collect()
    )
    if len(texts) != len(pairs) or texts.null_count().sum_horizontal()[0]:
        raise UserError(
            f"{documents}: texts of {len(pairs)} pairs were asked for, {len(texts)} were found; "
            "ids must be there, and once: prepare the collection again"
        )
    return list(zip(texts["query"], texts["passage"], strict=True))
