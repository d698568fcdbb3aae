"""Word counts of a collection, against a loop over its texts."""

import math

import polars as pl
import pytest

from relevance_neurons.mechanism import document_words
from workflow_scripts.mechanism import count_words

TEXTS = ["The wing, the WING.", "a wing of heat", "heat 7", "..."]


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_counts_are_those_of_a_plain_loop(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(document_words, "_CHUNK", chunk)
    documents = tmp_path / "documents.parquet"
    pl.DataFrame({"doc_id": list("abcd"), "text": TEXTS}).write_parquet(documents)
    count_words.main(documents, tmp_path / "word_counts.parquet")
    found = pl.read_parquet(tmp_path / "word_counts.parquet")
    numbers = {"the": 1, "wing": 2, "a": 1, "of": 1, "heat": 2, "7": 1}
    assert dict(found.select("word", "n_documents").iter_rows()) == numbers
    assert found["word"].to_list() == sorted(numbers)
    for word, n, idf in found.select("word", "n_documents", "idf").iter_rows():
        assert idf == pytest.approx(math.log(1 + (4 - n + 0.5) / (n + 0.5)), abs=1e-12), word
    assert found["n_total_documents"].unique().to_list() == [4]
    assert found["mean_words"].unique().to_list() == [10 / 4]
    assert found.columns == ["word", "n_documents", "idf", "n_total_documents", "mean_words"]
