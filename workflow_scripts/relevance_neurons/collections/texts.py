"""Texts on one line, and those of pairs that are known by their ids."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import polars as pl

from relevance_neurons.errors import UserError

# Letters and marks that show nothing: fillers of Hangul, the blank of Braille, joiners and
# selectors that change what is beside them.
_BLANKS = {
    *"\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0",
    *map(chr, range(0xFE00, 0xFE10)),
    *map(chr, range(0xE0100, 0xE01F0)),
}
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}


def one_line(text: str) -> str:
    """``text`` with every run of white space (line ends too) as one space, none at the ends.

    "" where nothing in it can be seen: white space, controls, zero-width characters. Those within
    a text stay: words of Persian or Hindi are written with them.
    """
    return " ".join(text.split()) if any(map(_is_visible, text)) else ""


def _is_visible(character: str) -> bool:
    return character not in _BLANKS and unicodedata.category(character) not in _UNSEEN


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
            f"{documents}: texts of {len(pairs)} pairs were asked for, but some are missing or "
            "there twice; prepare the collection again"
        )
    return list(zip(texts["query"], texts["passage"], strict=True))


def rows_of(file: str | Path, id_column: str, ids: pl.Series, column: str = "*") -> pl.DataFrame:
    """The rows of ``file`` with one of ``ids``, by a filter: a join would hold the whole file."""
    asked = pl.col(id_column).is_in(ids.unique().implode())
    return pl.scan_parquet(file).filter(asked).select(column).collect(engine="streaming")
