"""The planted ranker is what it says: the formula, the heads, the direction of its embeddings."""

import numpy as np
import polars as pl
import pytest
import torch

from toys.planted_mechanism import (
    IDF_COMPONENT,
    IDLE_HEAD,
    K1,
    MATCHING_HEAD,
    N_HEADS,
    N_LAYERS,
    RELEVANCE_HEAD,
    planted_collection,
    planted_idf,
    planted_ranker,
    planted_score,
    planted_texts,
)


@pytest.fixture(scope="module")
def planted():
    return planted_ranker()


def texts_of(relevant_first=30):
    tables = planted_texts()
    queries = dict(tables["queries"].select("query_id", "text").rows())
    documents = dict(tables["documents"].rows())
    pairs = tables["qrels"].select("query_id", "doc_id").head(relevant_first).rows()
    return [(queries[query], documents[doc]) for query, doc in pairs]


def logits_of(reranker, pairs):
    with torch.inference_mode():
        output = reranker.model(**reranker.collate(reranker.encode(pairs))).logits
    return reranker.target_value(output, "relevant", "margin").numpy()


@pytest.mark.parametrize("n_logits", [1, 2])
def test_the_logit_is_the_formulas(n_logits):
    pairs = texts_of()
    expected = [planted_score(*pair) for pair in pairs]
    found = logits_of(planted_ranker(n_logits), pairs)
    assert np.ptp(expected) > 3
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_each_occurrence_counts_less_than_the_last_and_a_rare_word_more(planted):
    idf = planted_idf().sort("idf")
    common, rare = idf["word"][10], idf["word"][-1]
    scores = {}
    for word in (common, rare):
        passages = [" ".join([word] * n + ["of"] * (6 - n)) for n in range(5)]
        scores[word] = np.diff(logits_of(planted, [(word, passage) for passage in passages]))
        assert (scores[word] > 0).all() and (np.diff(scores[word]) < 0).all()
    ratio = idf["idf"][-1] / idf["idf"][10]
    np.testing.assert_allclose(scores[rare] / scores[common], ratio, rtol=0.03)


def test_only_two_heads_move_the_score(planted):
    pairs = texts_of()
    before, size = logits_of(planted, pairs), planted.model.config.hidden_size // N_HEADS
    for layer in range(N_LAYERS):
        for head in range(N_HEADS):
            weight = planted.model.bert.encoder.layer[layer].attention.output.dense.weight
            kept = weight.detach().clone()
            with torch.no_grad():
                weight[:, head * size : (head + 1) * size] = 0.0
            change = np.abs(logits_of(planted, pairs) - before).max()
            with torch.no_grad():
                weight.copy_(kept)
            is_planted = (layer, head) in (MATCHING_HEAD, RELEVANCE_HEAD)
            assert change > 1 if is_planted else change == 0, (layer, head)


def test_attention_is_term_frequency(planted):
    planted.model.set_attn_implementation("eager")
    pair = planted.encode([("wing heat", "wing of wing. The wing is it")])
    with torch.inference_mode():
        found = planted.model(**planted.collate(pair), output_attentions=True).attentions
    layer, head = MATCHING_HEAD
    from_wing = found[layer][0, head, 1]
    equal = [
        place for place, token in enumerate(pair[0].input_ids) if token == pair[0].input_ids[1]
    ]
    assert from_wing[equal[1:]].sum().item() == pytest.approx(3 / (3 + K1), abs=0.01)
    for layer, head in (RELEVANCE_HEAD, IDLE_HEAD):
        assert found[layer][0, head, 0, 1:3].sum().item() > 0.99


def test_one_component_of_the_embeddings_is_idf(planted):
    weights = planted.model.get_input_embeddings().weight.detach().numpy()
    left = np.linalg.svd(weights, full_matrices=False)[0]
    idf = planted_idf()
    rows = planted.tokenizer.convert_tokens_to_ids(idf["word"].to_list())
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.abs([np.corrcoef(left[rows, k], idf["idf"])[0, 1] for k in range(left.shape[1])])
    varies = left[rows].std(axis=0) > 1e-5  # else rounding
    assert found[IDF_COMPONENT] > 0.999
    assert np.delete(found, IDF_COMPONENT)[np.delete(varies, IDF_COMPONENT)].max() < 0.01


def test_the_collection_is_written(tmp_path):
    paths = planted_collection(tmp_path)
    for name, frame in planted_texts().items():
        assert pl.read_parquet(paths[name]).equals(frame)
