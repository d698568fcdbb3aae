"""Rankers as the hub has them: p(relevant) is what transformers alone gives for the pair."""

import json

import pytest
import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from relevance_neurons import UserError, attribute, load_reranker
from relevance_neurons.rankers.loading import load_neurons
from toys.bert import PAIRS, make_tokenizer
from toys.hub_rankers import RANKERS, save


@pytest.fixture(params=RANKERS)
def named(request, tmp_path):
    """A ranker's name, its folder, and the folder of its tokenizer."""
    ranker, folder = RANKERS[request.param], tmp_path / "ranker"
    save(ranker, folder)
    words = folder if ranker.tokenizer is not None else tmp_path / "words"
    if words != folder:
        make_tokenizer(["[MASK]"]).save_pretrained(words)
    return request.param, folder, words


@torch.no_grad()
def expected(name: str, folder, words, pair) -> float:
    """p(relevant) by transformers alone."""
    tokenizer = AutoTokenizer.from_pretrained(words)
    if "monot5" in name:
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
        text = f"Query: {pair[0]} Document: {pair[1]} Relevant:"
        given = tokenizer(text, return_tensors="pt")
        logits = model(**given, decoder_input_ids=torch.zeros(1, 1, dtype=int)).logits[0, 0]
        true_false = [
            tokenizer.encode(word, add_special_tokens=False)[0] for word in ("true", "false")
        ]
        return logits[true_false].softmax(0)[0].item()
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    given = tokenizer(*pair, return_tensors="pt")
    if getattr(model.config, "type_vocab_size", 0) < 2:
        given.pop("token_type_ids", None)
    logits = model(**given).logits[0]
    if len(logits) == 1:
        return logits.sigmoid().item()
    return logits.softmax(0)[0 if model.config.id2label[0] == "entailment" else 1].item()


def test_scores_are_those_of_transformers_alone(named):
    name, folder, words = named
    reranker = load_reranker(folder, words, max_length=60, device="cpu")
    found = reranker.score(PAIRS).exp()
    truth = torch.tensor([expected(name, folder, words, pair) for pair in PAIRS])
    torch.testing.assert_close(found, truth, atol=1e-6, rtol=1e-5)
    assert truth.max() - truth.min() > 0.01  # the pairs are told apart


def test_neurons_come_from_the_config_and_have_scores(named):
    _, folder, words = named
    reranker = load_reranker(folder, words, max_length=60, device="cpu")
    scores = attribute(reranker, PAIRS[:2], n_points=3, quadrature="trapezoid").frame()
    assert len(scores) == len(reranker.neurons) == len(load_neurons(folder))
    assert scores["score"].abs().max() > 0


def test_long_rankers_take_long_pairs(tmp_path):
    save(RANKERS["BAAI/bge-reranker-v2-m3"], tmp_path)
    assert load_reranker(tmp_path, max_length=8192, device="cpu").max_length == 8192
    with pytest.raises(UserError, match="8193 was found; this model holds at most 8192 tokens"):
        load_reranker(tmp_path, max_length=8193)


def test_no_length_in_the_tokenizer(tmp_path):
    save(RANKERS["cross-encoder/quora-distilroberta-base"], tmp_path)
    assert load_reranker(tmp_path, max_length=512, device="cpu").max_length == 512
    with pytest.raises(UserError, match="513 was found; this model holds at most 512 tokens"):
        load_reranker(tmp_path, max_length=513)


def test_a_ranker_without_a_tokenizer(tmp_path):
    save(RANKERS["castorini/monobert-large-msmarco"], tmp_path)
    message = r"has no vocabulary \(there: .*\); name the tokenizer that the ranker was trained wi"
    with pytest.raises(UserError, match=message):
        load_reranker(tmp_path)


def test_a_tokenizer_without_padding(tmp_path):
    save(RANKERS["cross-encoder/ms-marco-MiniLM-L6-v2"], tmp_path)
    path = tmp_path / "tokenizer_config.json"
    keys = json.loads(path.read_text())
    del keys["pad_token"]
    path.write_text(json.dumps(keys | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    (tmp_path / "special_tokens_map.json").unlink(missing_ok=True)
    with pytest.raises(
        UserError, match=r'add it to tokenizer_config\.json, as "pad_token": "\[PAD'
    ):
        load_reranker(tmp_path)


def test_a_ranker_with_code_of_its_own(tmp_path):
    """Jina's: of the kind bert, whose own class would take its weights for something else."""
    save(RANKERS["cross-encoder/ms-marco-MiniLM-L6-v2"], tmp_path)
    path = tmp_path / "config.json"
    code = {"AutoModelForSequenceClassification": "jinaai/code--modeling_bert.JinaBertForSequence"}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": code}))
    with pytest.raises(UserError, match=r"comes with code of its own .* which is never run; take"):
        load_reranker(tmp_path)


def test_scores_without_a_sigmoid_are_said(tmp_path, caplog):
    caplog.set_level("INFO")
    save(RANKERS["cross-encoder/ms-marco-MiniLM-L6-v2"], tmp_path)
    load_reranker(tmp_path, max_length=60, device="cpu")
    assert "its config names no sigmoid (torch.nn.modules.linear.Identity)" in caplog.text
