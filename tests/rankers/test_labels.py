"""Which logit is relevant: what the labels of a config say, the user, or the convention."""

import json
import logging

import pytest
import torch
from safetensors.torch import load_file, save_file

from relevance_neurons import UserError, attribute, load_reranker
from relevance_neurons.rankers.hub import Place
from relevance_neurons.rankers.labels import relevant_logit
from toys.bert import PAIRS, make_model, make_tokenizer
from toys.tiny_rankers import MODELS, make_stock_model, make_tiny_tokenizer

TWO_LOGITS = [kind for kind in MODELS if "monot5" not in kind]


def place(folder="somewhere") -> Place:
    return Place("reranker.model: mine", folder)


def named(*words):
    return {"id2label": {str(index): word for index, word in enumerate(words)}}


@pytest.mark.parametrize(
    ("words", "index"),
    [
        (("non_relevant", "relevant"), 1),
        (("relevant", "not_relevant"), 0),
        (("Relevant", "Irrelevant"), 0),
        (("RELEVANT", "non-relevant"), 0),
        (("is relevant", "other"), 0),
        (("entailment", "not_entailment"), 0),
        (("not_entailment", "entailment"), 1),
        (("contradiction", "entailment"), 1),
        (("entailment", "contradiction"), 0),
        (("yes", "no"), 0),
        (("True", "False"), 0),
        (("POSITIVE", "NEGATIVE"), 0),
        (("neg", "pos"), 1),
        (("match", "no_match"), 0),
        (("mismatch", "match"), 1),
        (("is_duplicate", "is_not_duplicate"), 0),
        (("something", "not_duplicate"), 0),
        (("LABEL_1", "LABEL_0"), 0),
        (("1", "0"), 0),
        (("LABEL_0", "LABEL_1"), 1),
    ],
)
def test_words_decide(words, index, caplog):
    caplog.set_level(logging.INFO)
    assert relevant_logit(place(), named(*words), 2) == index
    (record,) = caplog.records
    assert f"reranker.model: mine: logit {index} is taken as the relevant one" in record.message
    assert record.levelno == (logging.INFO if index == 1 else logging.WARNING)


@pytest.mark.parametrize(
    ("written", "index", "why"),
    [
        ({}, 1, "by convention, for its labels have no names"),
        (named("LABEL_0", "LABEL_1"), 1, "by convention, for its labels have no names"),
        ({"label2id": {"relevant": "0", "other": "1"}}, 0, "its labels say so"),
        (named("LABEL_0", "LABEL_1") | {"label2id": {"yes": 0, "no": 1}}, 0, "its labels say so"),
        (named("relevant", "yes"), 1, "contradict each other; set relevant_index"),
        (named("no", "false"), 1, "contradict each other"),
        (named("no", "yes") | {"label2id": {"yes": 0, "no": 1}}, 1, "contradict each other"),
        (named("A", "B"), 1, "the words of its labels are unknown; set relevant_index"),
        ({"id2label": {"1": "irrelevant", "2": "relevant"}}, 1, "are not of 0 and 1"),
        (named("LABEL_1", "LABEL_1"), 1, "the words of its labels are unknown"),
    ],
)
def test_where_no_word_decides_the_convention_does(written, index, why, caplog):
    caplog.set_level(logging.INFO)
    assert relevant_logit(place(), written, 2) == index
    (record,) = caplog.records
    assert why in record.message
    surprising = index != 1 or "set relevant_index" in record.message
    assert record.levelno == (logging.WARNING if surprising else logging.INFO)


@pytest.mark.parametrize("given", [0, 1])
def test_the_user_overrules(given, caplog):
    caplog.set_level(logging.INFO)
    assert relevant_logit(place(), named("no", "yes"), 2, given) == given
    assert "relevant_index says so" in caplog.text
    assert ("though the labels say otherwise" in caplog.text) == (given == 0)


def test_an_index_that_is_none():
    message = "relevant_index: 2 was found; of a ranker with 2 logits it may be 0 or 1"
    with pytest.raises(UserError, match=message):
        relevant_logit(place(), {}, 2, 2)
    with pytest.raises(UserError, match=r"1 was found; of a ranker with 1 logit it may be 0$"):
        relevant_logit(place(), {}, 1, 1)


def test_labels_that_are_no_labels():
    with pytest.raises(UserError, match=r"label2id in config\.json is .* must map words to ind"):
        relevant_logit(place(), {"label2id": {"yes": "often"}}, 2)


@pytest.mark.parametrize("words", [("LABEL_0",), ("0",), ("relevance",), ("score",), ("yes",)])
def test_one_logit_is_relevance(words):
    assert relevant_logit(place(), named(*words), 1) == 0


@pytest.mark.parametrize("word", ["not_relevant", "irrelevant", "negative"])
def test_one_logit_that_is_called_non_relevant(word):
    with pytest.raises(UserError, match=f"its only logit is called {word}; if it grows with rel"):
        relevant_logit(place(), named(word), 1)
    assert relevant_logit(place(), named(word), 1, 0) == 0


@pytest.mark.parametrize("kind", TWO_LOGITS)
def test_a_reversed_ranker_scores_as_its_relevant_logit_says(kind, tmp_path):
    """Every family has another head; what follows sees (non-relevant, relevant) in all of them."""
    model, words = make_stock_model(kind, 2), make_tiny_tokenizer(kind)
    model.config.id2label = {0: "relevant", 1: "not_relevant"}
    model.config.label2id = {"relevant": 0, "not_relevant": 1}
    model.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    reranker = load_reranker(tmp_path, max_length=48, device="cpu")
    assert reranker.model.config.id2label == {0: "not_relevant", 1: "relevant"}
    for pair, score in zip(PAIRS, reranker.score(PAIRS), strict=True):
        given = words(*pair, return_tensors="pt", return_token_type_ids=reranker.with_types)
        with torch.no_grad():
            expected = torch.log_softmax(model(**given).logits, -1)[0, 0]
        torch.testing.assert_close(score, expected, atol=1e-5, rtol=1e-5)


def save_turned(folder, labels: dict) -> None:
    """The tiny BERT with its two logits exchanged."""
    model = make_model()
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    for name in ("classifier.weight", "classifier.bias"):
        weights[name] = weights[name].flip(0).contiguous()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | labels))


def test_a_turned_ranker_is_the_same_ranker(ranker_folder, tmp_path):
    """Scores and maps, bit by bit, whether the labels say it or the user."""
    save_turned(tmp_path / "told", {"id2label": {"0": "pos", "1": "neg"}, "label2id": {"pos": 0}})
    save_turned(tmp_path / "untold", {})
    rankers = [
        load_reranker(folder, max_length=48, device="cpu", relevant=relevant)
        for folder, relevant in [(ranker_folder, None), ("told", None), ("untold", 0)]
        for folder in [tmp_path / folder]
    ]
    maps = [attribute(one, PAIRS, n_points=4, quadrature="trapezoid").frame() for one in rankers]
    for ranker, scores in zip(rankers[1:], maps[1:], strict=True):
        assert torch.equal(ranker.score(PAIRS), rankers[0].score(PAIRS))
        assert scores.equals(maps[0])


def test_a_monot5_has_words_not_indices(tmp_path):
    make_stock_model("monot5").save_pretrained(tmp_path)
    make_tiny_tokenizer("monot5").save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is a MonoT5, whose words tell; leave the key out"):
        load_reranker(tmp_path, relevant=1)
