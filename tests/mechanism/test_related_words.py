"""Related words: co-occurrences by a loop, neighbours by hand, and what is no other word."""

import math
from itertools import product

import numpy as np
import polars as pl
import pytest
from tokenizers import normalizers

from relevance_neurons.collections.words import stemmer
from relevance_neurons.mechanism import document_words
from relevance_neurons.mechanism import related_words as module
from relevance_neurons.mechanism.cooccurrences import cooccurrences
from relevance_neurons.mechanism.related_words import (
    FROM_RANKER,
    first_related,
    is_other_word,
    related_words,
)
from relevance_neurons.mechanism.terms import Term
from relevance_neurons.mechanism.words import reading
from toys.tiny_tokenizers import byte_bpe, wordpiece
from workflow_scripts.mechanism import count_words

PLANTED = [
    "airfoil wing flutter",
    "airfoil wing flutter winged",
    "airfoil wing banana",
    "airfoil banana aero9",
    "flutter banana",
]
"""Beside wing stand airfoil (3 of its 4 documents), flutter (2 of 3), banana (1 of 3)."""


@pytest.fixture
def files(tmp_path):
    """Documents and word counts: the planted ones among 60 of words that are nowhere else."""
    others = [f"{a}{b}{c} heat" for a, b, c in product("bcd", "aeio", "rstvz")]
    texts = PLANTED + others
    documents, counts = tmp_path / "documents.parquet", tmp_path / "counts.parquet"
    ids = [str(n) for n in range(len(texts))]
    pl.DataFrame({"doc_id": ids, "text": texts}).write_parquet(documents)
    count_words.main(documents, counts)
    return documents, counts


@pytest.mark.parametrize("chunk", [2, 1000])
def test_cooccurrences_are_normalised_mutual_information(files, monkeypatch, chunk):
    monkeypatch.setattr(document_words, "_CHUNK", chunk)
    found = cooccurrences(*files, ["wing", "heat"]).filter(term="wing")
    n = len(PLANTED) + 60
    expected = {
        word: math.log((both / n) / ((3 / n) * (alone / n))) / -math.log(both / n)
        for word, both, alone in [("airfoil", 3, 4), ("flutter", 2, 3)]
    }
    assert found.rows() == [
        ("wing", word, both, pytest.approx(expected[word], abs=1e-12))
        for word, both in [("airfoil", 3), ("flutter", 2)]
    ]


def test_a_depth_takes_the_first(files):
    assert cooccurrences(*files, ["wing"], depth=1)["word"].to_list() == ["airfoil"]


VECTORS = {"wing": (1, 0), "flutter": (1, 0.1), "airfoil": (0, 1), "banana": (-1, 0)}


def vectors_of(words):
    """Of the planted words by hand; of a word that the ranker does not know none."""
    return np.array([VECTORS.get(word, (np.nan, np.nan)) for word in words])


def related(files, query, vectors=vectors_of):
    term = Term("wing", "wing", "wing", 3.0, 3)
    return related_words({"q": term}, {"q": query}, *files, vectors)


def test_a_neighbour_in_both_orders_is_related(files):
    # airfoil is first by co-occurrence, but not near; flutter second, and the nearest.
    assert related(files, "what is a wing") == {"q": ("flutter", FROM_RANKER)}


def test_words_of_the_query_are_not_related(files):
    assert related(files, "what is a flutter of a wing") == {}
    assert related(files, "wings that are fluttering") == {}


def test_ranks_in_both_orders_are_added(files, monkeypatch):
    words = ["whose", "spar", "flutter", "banana"]  # as they co-occur; the first is a stop word
    near = pl.DataFrame({"term": ["wing"] * 4, "word": words, "npmi": [0.9, 0.8, 0.7, 0.6]})
    monkeypatch.setattr(module, "cooccurrences", lambda *_: near)
    monkeypatch.setattr(module, "_NEAR", 0.0)

    def ranked(cosines):
        own = dict(zip([*words, "wing"], [*cosines, 1.0], strict=True))
        return lambda words: np.array(
            [(own.get(word, -1), 1 - own.get(word, -1) ** 2) for word in words]
        )

    # Places 2 and 4, 3 and 1, 4 and 2 (of wing's neighbours).
    assert related(files, "wing", ranked([0.7, 0.6, 0.9, 0.8])) == {"q": ("flutter", FROM_RANKER)}
    assert related(files, "wing", ranked([0.6, 0.9, 0.8, 0.7])) == {"q": ("spar", FROM_RANKER)}


def test_orders_are_put_together(files):
    def both_near(words):
        near = {"wing": (1, 0), "flutter": (1, 0), "airfoil": (1, 0)}
        return np.array([near.get(word, (0, 1)) for word in words])

    # As near as each other: the one that co-occurs more.
    assert related(files, "a wing", both_near) == {"q": ("airfoil", FROM_RANKER)}


@pytest.mark.parametrize(
    ("word", "other", "is_other"),
    [
        ("airfoil", "wing", True),
        ("wings", "wing", False),
        ("winged", "wing", False),
        ("geese", "goose", True),  # no stem, and two letters: a known miss
        ("running", "run", False),
        ("international", "internet", False),  # the same beginning
        ("ysarthria", "dysarthria", False),
        ("war", "warm", False),
        ("car", "cat", True),
        ("a", "airfoil", True),
        ("水", "火", True),
        ("水", "水", False),
    ],
)
def test_forms_of_a_word_are_no_other_word(word, other, is_other):
    stem = stemmer("english")
    assert is_other_word(word, other, stem) == is_other_word(other, word, stem) == is_other


def test_stems_are_of_the_collections_language():
    assert is_other_word("yeux", "yeus", stemmer("english"))
    assert not is_other_word("ganó", "gana", stemmer("spanish"))
    assert is_other_word("ganó", "gana", stemmer("none"))


def test_a_word_that_is_read_as_the_term_is_not_related_to_it():
    """Put into a passage, it would be the term once more."""
    uncased = wordpiece()
    uncased.backend_tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    terms, queries = {"q": Term("cafe", "cafe", "cafe", 1.0, 3)}, {"q": "cafe nearby"}
    found = [
        first_related(
            terms, queries, lambda _: ["café", "bistro"], FROM_RANKER, "none", reading(tokenizer)
        )["q"].word
        for tokenizer in (uncased, byte_bpe())
    ]
    assert found == ["bistro", "café"]
