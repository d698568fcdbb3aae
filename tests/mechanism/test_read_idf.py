"""IDF of words as a ranker reads them: other spellings, several words in one, words of none."""

import numpy as np
import polars as pl
import pytest
from tokenizers import normalizers

from relevance_neurons.mechanism.measure_heads import with_idf
from relevance_neurons.mechanism.read_idf import idf_as_read
from toys.tiny_tokenizers import byte_bpe, wordpiece

N_TOTAL = 40
COUNTS = pl.DataFrame(
    {
        "word": ["cafe", "café", "known", "wing", "well", "İzmir".lower(), "中"],
        "n_documents": [5, 7, 2, 30, 25, 1, 4],
        "n_total_documents": [N_TOTAL] * 7,
    }
)


def uncased():
    tokenizer = wordpiece()
    tokenizer.backend_tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    return tokenizer


def idf_of(n_documents):
    return float(np.log(1 + (N_TOTAL - n_documents + 0.5) / (n_documents + 0.5)))


@pytest.mark.parametrize(("tokenizer", "n"), [(uncased(), 7), (byte_bpe(), 5)])
def test_of_spellings_that_are_read_alike_the_most_frequent_counts(tokenizer, n):
    (row,) = idf_as_read(["cafe"], COUNTS, tokenizer).rows()
    assert row == ("cafe", n, pytest.approx(idf_of(n)))


def test_of_several_words_in_one_the_rarest_counts():
    found = idf_as_read(["well-known", "中中"], COUNTS, uncased())
    assert dict(found.select("word", "n_documents").rows()) == {"well-known": 2, "中中": 4}


def test_a_word_of_no_document_is_the_rarest_and_punctuation_is_no_word():
    found = idf_as_read(["wing", "circumnavigated", "?", "-"], COUNTS.lazy(), uncased())
    assert found["word"].to_list() == ["circumnavigated", "wing"]
    assert found["idf"].to_list() == pytest.approx([idf_of(0), idf_of(30)])


def test_what_the_ranker_does_not_know_has_no_idf():
    tokenizer, counts = uncased(), COUNTS.vstack(COUNTS[:1].with_columns(word=pl.lit("unk")))
    lists = {kind: [[0.0]] * 2 for kind in ("total", "exact", "soft")}
    rows = pl.DataFrame(
        {
            "ranker": ["study"] * 2,
            "query_id": ["q"] * 2,
            "doc_id": ["d"] * 2,
            "place": [0, 1],
            "token": [tokenizer.unk_token, "wing"],
            "word": ["unk", "wing"],
            "tf": [0, 0],
            "passage_words": [3, 3],
            **lists,
        }
    )
    found = with_idf(rows, counts, tokenizer)["idf"].to_list()
    assert found == [None, pytest.approx(idf_of(30))]
