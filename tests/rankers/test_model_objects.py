"""Rankers that other libraries hold in memory: their scores, and that nothing of them changes."""

import copy
import logging

import numpy as np
import pandas as pd
import pyterrier as pt
import pytest
import torch
from sentence_transformers import CrossEncoder
from torch import nn
from transformers import BertConfig, BertForTokenClassification, BertModel

from relevance_neurons import UserError, ablate, load_reranker, to_pyterrier
from relevance_neurons.rankers.model_objects import take_apart
from toys.bert import PAIRS, make_model, make_reranker, make_tokenizer
from toys.tiny_rankers import MODELS, make_stock_model, make_tiny_tokenizer, ranker_around

NEURONS = make_reranker().neurons.frame().filter(layer=0, component="query")


@pytest.fixture(params=[1, 2], ids=["one logit", "two logits"])
def cross_encoder(request, tmp_path) -> CrossEncoder:
    make_model(request.param).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    return CrossEncoder(str(tmp_path), device="cpu", local_files_only=True)


def state(model: nn.Module) -> dict:
    """All that a ranker could change of a network: weights, whether they learn, classes, mode."""
    weights = {name: (one.clone(), one.requires_grad) for name, one in model.named_parameters()}
    modules = [(name, type(one), one.training) for name, one in model.named_modules()]
    return {"weights": weights, "modules": modules, "config": copy.deepcopy(model.config.to_dict())}


def assert_same(before: dict, after: dict) -> None:
    assert before["modules"] == after["modules"] and before["config"] == after["config"]
    for name, (weights, learns) in before["weights"].items():
        assert torch.equal(weights, after["weights"][name][0])
        assert learns == after["weights"][name][1]


def test_a_cross_encoder_scores_as_its_predict(cross_encoder):
    logits = torch.tensor(cross_encoder.predict(PAIRS, activation_fn=nn.Identity()))
    expected = logits if logits.ndim == 1 else logits[:, 1] - logits[:, 0]
    reranker = load_reranker(cross_encoder)
    torch.testing.assert_close(reranker.score(PAIRS), nn.functional.logsigmoid(expected))
    if logits.ndim == 1:  # and by its own sigmoid
        torch.testing.assert_close(
            reranker.score(PAIRS).exp(), torch.tensor(cross_encoder.predict(PAIRS))
        )
        query, passages = PAIRS[0][0], [passage for _, passage in PAIRS]
        ranked = [row["corpus_id"] for row in cross_encoder.rank(query, passages)]
        own = reranker.score([(query, passage) for passage in passages])
        assert own.argsort(descending=True).tolist() == ranked


def test_pairs_are_cut_where_the_cross_encoder_cuts_them(cross_encoder):
    cross_encoder.max_seq_length = 10
    reranker = load_reranker(cross_encoder)
    assert reranker.max_length == 10
    long = [("wing lift", "heat flow energy " * 20), ("wing " * 15, "lift " * 20)]
    logits = torch.tensor(cross_encoder.predict(long, activation_fn=nn.Identity()))
    expected = logits if logits.ndim == 1 else logits[:, 1] - logits[:, 0]
    torch.testing.assert_close(reranker.score(long), nn.functional.logsigmoid(expected))
    assert load_reranker(cross_encoder, max_length=8).max_length == 8


def test_nothing_of_the_object_is_changed(cross_encoder):
    cross_encoder.train()
    network, truncation = cross_encoder.model, cross_encoder.tokenizer.backend_tokenizer.truncation
    before = state(network)
    reranker = load_reranker(cross_encoder, relevant=0)
    with ablate(reranker, NEURONS):
        reranker.score(PAIRS)
    assert_same(before, state(network))
    assert cross_encoder.tokenizer.backend_tokenizer.truncation == truncation
    with torch.no_grad():  # and what becomes of it later does not reach the ranker
        scores = reranker.score(PAIRS)
        network.classifier.weight.zero_()
    torch.testing.assert_close(reranker.score(PAIRS), scores, rtol=0, atol=0)


@pytest.mark.parametrize("kind", MODELS)
def test_every_architecture_of_transformers(kind):
    model, tokenizer = make_stock_model(kind), make_tiny_tokenizer(kind)
    before = state(model)
    reranker = load_reranker(model, tokenizer=tokenizer, max_length=48)
    assert_same(before, state(model))
    expected = ranker_around(model, tokenizer, "float32").score(PAIRS)
    torch.testing.assert_close(reranker.score(PAIRS), expected, rtol=1e-4, atol=1e-4)


def test_labels_tell_which_logit_is_relevant():
    model = make_model()
    straight = load_reranker(model, make_tokenizer()).score(PAIRS)
    model.config.id2label = {0: "relevant", 1: "not_relevant"}
    model.config.label2id = {"relevant": 0, "not_relevant": 1}
    turned = load_reranker(model, make_tokenizer())
    torch.testing.assert_close(turned.score(PAIRS).exp(), 1 - straight.exp())
    assert turned.model.config.id2label == {0: "not_relevant", 1: "relevant"}
    given = load_reranker(model, make_tokenizer(), relevant=1)
    torch.testing.assert_close(given.score(PAIRS), straight)


def test_a_tokenizer_may_be_a_folder(ranker_folder):
    by_folder = load_reranker(make_model(), tokenizer=ranker_folder).score(PAIRS)
    torch.testing.assert_close(
        by_folder, load_reranker(make_model(), make_tokenizer()).score(PAIRS)
    )


def test_half_precision_is_raised_in_the_copy_alone():
    model = make_model().to(torch.bfloat16)
    reranker = load_reranker(model, make_tokenizer())
    assert reranker.model.dtype == torch.float32 and model.dtype == torch.bfloat16
    expected = load_reranker(make_model().to(torch.bfloat16).float(), make_tokenizer())
    torch.testing.assert_close(reranker.score(PAIRS), expected.score(PAIRS))
    assert load_reranker(model, make_tokenizer(), dtype="float64").model.dtype == torch.float64


def test_a_reranker_is_returned_as_it_is(two_logits):
    assert load_reranker(two_logits) is two_logits
    with pytest.raises(UserError, match="returned as it is; load its model anew"):
        load_reranker(two_logits, max_length=10)


class Holder(pt.Transformer):
    """As PyTerrier's plug-ins for re-ranking are: a network in an attribute."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        return inp


def test_what_a_pyterrier_transformer_holds(cross_encoder):
    expected = load_reranker(cross_encoder).score(PAIRS)
    held = Holder(model=cross_encoder, batch_size=4, text_field="text")
    torch.testing.assert_close(load_reranker(held).score(PAIRS), expected)
    t5, words = make_stock_model("monot5"), make_tiny_tokenizer("monot5")
    reranker = load_reranker(Holder(model=t5, tokenizer=words))
    torch.testing.assert_close(
        reranker.score(PAIRS), load_reranker(t5, tokenizer=words).score(PAIRS)
    )
    own = make_reranker()
    assert load_reranker(Holder(ranker=own)) is own
    assert load_reranker(to_pyterrier(own)) is own
    with pytest.raises(UserError, match="would be loaded with its neurons at work"):
        load_reranker(to_pyterrier(own, NEURONS))


def quantised(model: nn.Module) -> nn.Module:
    model.classifier.weight = nn.Parameter(
        model.classifier.weight.detach().to(torch.int8), requires_grad=False
    )
    return model


def with_adapter(model: nn.Module) -> nn.Module:
    model.bert.encoder.layer[0].attention.self.query.lora_A = nn.Linear(16, 2)
    return model


def with_nan(model: nn.Module) -> nn.Module:
    model.bert.pooler.dense.weight.data[0, 0] = np.nan
    return model


def with_three_logits(model: nn.Module) -> nn.Module:
    model.config.num_labels = 3
    return model


def on_meta(model: nn.Module) -> nn.Module:
    return model.to("meta")


@pytest.mark.parametrize(
    ("break_", "message"),
    [
        (quantised, r"is quantised \(classifier.weight\)"),
        (with_adapter, r"weights of an adapter \(bert.*lora_A.*merge_and_unload"),
        (with_nan, "bert.pooler.dense.weight holds numbers that are not finite"),
        (with_three_logits, "has 3 logits"),
        (on_meta, r"over devices \(meta\)"),
    ],
)
def test_networks_that_are_no_ranker_as_they_stand(break_, message):
    with pytest.raises(UserError, match=message):
        load_reranker(break_(make_model()), make_tokenizer())


def test_other_objects_are_refused_with_what_was_found(cross_encoder):
    body = BertModel(BertConfig(**make_model().config.to_diff_dict()))
    other = BertForTokenClassification(body.config)
    for wrong, message in [
        (body, "a BertModel was found; a folder, a hub id"),
        (other, "a BertForTokenClassification was found"),
        ({"model": 1}, "a dict was found"),
        (None, "a NoneType was found"),
        (make_model(), "comes without a tokenizer; give it too: tokenizer="),
        (Holder(size=3), r"a Holder: no model among its attributes \(size \(int\)\)"),
        (
            Holder(a=make_model(), b=cross_encoder),
            r"several of its attributes hold a model .*a \(BertForSeq.*b \(CrossEncoder\)",
        ),
        (Holder(model=body), "a Holder with a BertModel was found"),
        (pt.apply.doc_score(len), "no model among its attributes"),
    ]:
        with pytest.raises(UserError, match=message):
            load_reranker(wrong)
    with pytest.raises(UserError, match="tokenizer: a TokenizersBackend has 74 tokens"):
        load_reranker(make_model(), make_tokenizer([f"more{n}" for n in range(40)]))


def test_a_cross_encoder_with_a_prompt_is_refused(cross_encoder):
    cross_encoder.prompts, cross_encoder.default_prompt_name = {"query": "Find: "}, "query"
    with pytest.raises(UserError, match="puts 'Find: ' before what it reads"):
        load_reranker(cross_encoder)


@pytest.mark.parametrize("wrong", [{"max_length": 9}, {"truncation": "only_first"}])
def test_a_cross_encoder_with_a_reading_of_its_own_is_refused(cross_encoder, wrong):
    expected = load_reranker(cross_encoder).score(PAIRS)
    (reading,) = cross_encoder
    reading.processing_kwargs = {"common": {"padding": True}, "text": {"truncation": True}}
    torch.testing.assert_close(load_reranker(cross_encoder).score(PAIRS), expected)
    reading.processing_kwargs = {"text": wrong}
    with pytest.raises(UserError, match=f"calls its tokenizer with {next(iter(wrong))}="):
        load_reranker(cross_encoder)


def test_a_head_that_looks_new_is_told_of(caplog):
    model = make_model()  # made up: its bias is 0
    caplog.set_level(logging.WARNING)
    take_apart(model, make_tokenizer())
    assert "the bias of its head is 0" in caplog.text
    caplog.clear()
    model.classifier.bias.data += 0.1
    take_apart(model, make_tokenizer())
    assert not caplog.text
