"""Inverse document frequency of words as a ranker reads them.

A collection's words are counted as they are written. An uncased BERT reads "cafe" for "café", and
SentencePiece keeps "well-known" together: looked up as they are, such words would be in no
document.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from relevance_neurons.mechanism.words import collection_words, is_word, reading


def idf_as_read(
    words: Iterable[str], word_counts: pl.DataFrame | pl.LazyFrame, tokenizer
) -> pl.DataFrame:
    """word, n_documents, idf of each of ``words`` that has a letter or digit, sorted.

    ``words``: normal forms of what the ranker reads (``words.pair_words``); ``word_counts``: word,
    n_documents, n_total_documents, as rule count_words writes them. n_documents is that of the most
    frequent of the spellings that ``tokenizer`` reads alike (documents may have several: a sum
    would count them twice); of what the collection counts as several words it is the rarest
    part's. A word that no document has is the rarest of all: n_documents is 0, and its IDF the
    largest that the collection can give. idf: as in count_words.sql.
    """
    asked = sorted({word for word in words if is_word(word)})
    parts = dict(zip(asked, collection_words(pl.Series(asked, dtype=pl.String)), strict=True))
    needed = {*asked, *(part for own in parts.values() for part in own)}
    counts, n_total = _counts(needed, word_counts.lazy(), tokenizer)
    found = [
        counts.get(word, min((counts.get(part, 0) for part in parts[word]), default=0))
        for word in asked
    ]
    n_documents = np.array(found, dtype=np.int64)
    idf = np.log(1 + (n_total - n_documents + 0.5) / (n_documents + 0.5))
    return pl.DataFrame(
        {"word": asked, "n_documents": n_documents, "idf": idf},
        schema={"word": pl.String, "n_documents": pl.Int64, "idf": pl.Float64},
    )


def _counts(words: set[str], word_counts: pl.LazyFrame, tokenizer) -> tuple[dict[str, int], int]:
    """In how many documents each of ``words`` is, and how many documents there are.

    Words of ASCII letters alone are read as they are counted: no tokenizer changes their spelling.
    """
    is_ascii = pl.col("word").str.contains(r"^\p{ASCII}*$")
    kept = ~is_ascii | pl.col("word").is_in(sorted(words))
    rows = word_counts.filter(kept).select("word", "n_documents").collect(engine="streaming")
    read_as, found = reading(tokenizer), {}
    for word, n_documents in rows.iter_rows():
        read = read_as(word)
        if read in words:
            found[read] = max(n_documents, found.get(read, 0))
    totals = word_counts.select("n_total_documents").head(1).collect()["n_total_documents"]
    return found, int(totals[0]) if len(totals) else 0
