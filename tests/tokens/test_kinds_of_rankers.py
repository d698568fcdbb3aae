"""Scores and tokens of tokenised pairs, for every way in which rankers frame a pair."""

import numpy as np
import polars as pl
import pytest

from relevance_neurons.tokens import passage_tokens as passage_tokens_file
from relevance_neurons.tokens.pair_scores import log_p_relevant
from relevance_neurons.tokens.passage_tokens import passage_tokens
from toys.ranked_passages import random_texts
from toys.tiny_rankers import make_ranker

PAIRS = [(text.split()[0], text) for text in random_texts(4)]
IDS = pl.DataFrame({"query_id": list("abcd"), "doc_id": list("efgh")})


@pytest.mark.parametrize("kind", ["bert", "xlm_roberta", "distilbert", "modernbert", "monot5"])
def test_scores_and_tokens(kind, monkeypatch):
    monkeypatch.setattr(passage_tokens_file, "_CHUNK", 3)
    reranker = make_ranker(kind)
    found = log_p_relevant(reranker, reranker.encode(PAIRS))
    np.testing.assert_allclose(found, reranker.score(PAIRS), atol=2e-6)
    tokens = passage_tokens(reranker, IDS, PAIRS)
    assert tokens.select("query_id", "doc_id").equals(IDS)
    for texts, *pieces in zip(PAIRS, tokens["query_tokens"], tokens["passage_tokens"], strict=True):
        for text, own in zip(texts, pieces, strict=True):
            assert [piece.lstrip("▁") for piece in own] == text.split()
