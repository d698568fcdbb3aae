"""A ranker that is BM25 by two heads: they keep all it does, and the regressions read it out."""

import numpy as np
import polars as pl
import pytest
import torch

from relevance_neurons.mechanism.faithfulness import Asked, kept_sets, measure_faithfulness
from relevance_neurons.mechanism.semantic_bm25.table import semantic_bm25
from relevance_neurons.mechanism.semantic_bm25.variants import Regressions
from relevance_neurons.rankers.heads import Heads
from toys.planted_mechanism import (
    K1,
    MATCHING_HEAD,
    RELEVANCE_HEAD,
    planted_idf,
    planted_ranker,
    planted_score,
    planted_texts,
)

TEXTS = planted_texts()
PASSAGES = dict(TEXTS["documents"].select("doc_id", "text").rows())
QUERIES = dict(TEXTS["queries"].select("query_id", "text").rows())
RANKED = TEXTS["qrels"].select("query_id", "doc_id").sort("query_id", "doc_id")


@pytest.fixture(scope="module")
def ranker():
    return planted_ranker()


@pytest.fixture(scope="module")
def heads(ranker) -> pl.DataFrame:
    place = pl.struct("layer", "head")
    return (
        Heads.of(ranker)
        .frame()
        .with_columns(
            is_matching=place == dict(zip(("layer", "head"), MATCHING_HEAD, strict=True)),
            is_relevance=place == dict(zip(("layer", "head"), RELEVANCE_HEAD, strict=True)),
        )
    )


def pair_texts() -> list[tuple[str, str]]:
    return [(QUERIES[query], PASSAGES[doc]) for query, doc in RANKED.rows()]


def diagnostics() -> pl.DataFrame:
    """To some passages a word of the query is added; the other ones end in "a" instead."""
    rows = [
        (query, f"{passage} a", f"{passage} {query.split()[0]}")
        for query, passage in pair_texts()[::5]
    ]
    frame = pl.DataFrame(rows, schema=["query", "passage_before", "passage_after"], orient="row")
    scores = {
        f"logit_{name}": [
            planted_score(row["query"], row[f"passage_{name}"]) for row in frame.rows(named=True)
        ]
        for name in ("before", "after")
    }
    return frame.with_columns(**{name: pl.Series(values) for name, values in scores.items()})


def test_its_two_heads_keep_scores_and_rankings_and_no_others_do(ranker, heads):
    asked = Asked(RANKED, pair_texts(), TEXTS["qrels"])
    sets = kept_sets(heads, Heads.of(ranker), 4, 0)
    found = measure_faithfulness(ranker, sets, diagnostics(), asked, "planted", 0.1, 0)
    rows = {(row["kept"], row["draw"]): row for row in found.to_dicts()}
    whole, both = rows["all", 0], rows["found", 0]
    assert both["n_heads"] == 2 and both["n_pairs"] > 15
    assert both["score_share"] == pytest.approx(1, abs=1e-3)
    assert both["value"] == pytest.approx(whole["value"]) and both["value_share"] == 1
    for one in sets:
        row = rows[one.name, one.draw]
        if not {MATCHING_HEAD, RELEVANCE_HEAD} <= set(one.heads):
            assert row["score_share"] == pytest.approx(0, abs=1e-3)
            assert row["value"] < whole["value"] - 0.1
    assert len(rows) == 9


@torch.inference_mode()
def attention_of(ranker, name: str) -> tuple[pl.DataFrame, list[float]]:
    """query_attention of the ranked pairs, and their logits, by the model's own patterns."""
    ranker.model.set_attn_implementation("eager")
    idf, rows, logits = dict(planted_idf().rows()), [], []
    for (query, doc), texts in zip(RANKED.rows(), pair_texts(), strict=True):
        (pair,) = ranker.encode([texts])
        seen = ranker.model(**ranker.collate([pair]), output_attentions=True)
        logits.append(seen.logits[0, 0].item())
        words = texts[1].lower().replace(".", "").split()
        start = 2 + len(texts[0].split())
        for place, word in enumerate(texts[0].split()):
            total = torch.cat([one[0, :, place + 1, start:].sum(-1) for one in seen.attentions])
            counts = (idf[word], words.count(word), len(words))
            rows.append((name, query, doc, place, word, word, *counts, total.tolist()))
    names = ["ranker", "query_id", "doc_id", "place", "token", "word"]
    names += ["idf", "tf", "passage_words", "total"]
    return pl.DataFrame(rows, schema=names, orient="row"), logits


def test_regressions_read_bm25_out_of_it(ranker, heads):
    attention, logits = attention_of(ranker, "study")
    rankings = RANKED.with_columns(logit=pl.Series(logits))
    counts = pl.DataFrame({"word": ["the"], "mean_words": [24.0]})
    given = Regressions(attention, rankings, counts, heads, 5, 5, 0)
    found = semantic_bm25(given, "planted", TEXTS["qrels"], replicates=200)
    rows = {(row["variant"], row["form"]): row for row in found.to_dicts()}
    for form in ("pointwise", "pairwise"):
        # Its formula: all queries have three words, and the sink is worth K1 occurrences.
        bm25, soft = rows["bm25", form], rows["soft_tf_idf", form]
        assert bm25["k1"] == pytest.approx(K1, rel=0.1)
        assert bm25["b"] is None  # all passages have 24 words
        assert min(bm25["pearson"], soft["pearson"]) > 0.999
        assert rows["features", form]["pearson"] > 0.99
        assert soft["value"] == bm25["value"] == rows["cross_encoder", form]["value"]
        assert rows["random_heads", form]["pearson"] < 0.8
        assert rows["reinitialised", form]["pearson"] is None  # none is given
    assert np.std(logits) > 0.5
