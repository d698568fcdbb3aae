"""Integrated gradients of tokens against Captum called in another way, and their sum."""

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients

from relevance_neurons.rankers.memory import Memory
from relevance_neurons.tokens.integrated_gradients import scores
from toys.bert import PAIRS
from toys.tiny_rankers import MODELS, make_ranker, rounds

LABELS = ["relevant", "non_relevant", "non_relevant", "relevant"]


def of_captum(reranker, row: int, module, n_steps: int) -> np.ndarray:
    """One pair by itself, its ids as Captum's inputs, the path in what ``module`` puts out."""
    (pair,) = reranker.encode([PAIRS[row]])
    ids = pair.input_ids[None]
    pads = torch.where(pair.special[None], ids, reranker.tokenizer.pad_token_id)
    types = pair.token_type_ids[None]

    def p_relevant(ids, types):
        logits = reranker.model(input_ids=ids, token_type_ids=types).logits
        return logits.softmax(-1)[:, 1]

    method = LayerIntegratedGradients(p_relevant, module)
    given = {"additional_forward_args": (types,), "n_steps": n_steps}
    found = method.attribute(ids, pads, **given).sum(-1)[0].detach().numpy()
    return found if LABELS[row] == "relevant" else -found


def test_captum_on_the_embedding_module(two_logits):
    module = two_logits.model.bert.embeddings.word_embeddings
    for check, own in scores(two_logits, PAIRS, LABELS, n_points=20):
        expected = of_captum(two_logits, check.pair, module, 20)
        assert np.allclose(own, expected, atol=1e-6 * np.abs(expected).max())


def test_as_published_on_the_embedding_block(two_logits):
    block = two_logits.model.bert.embeddings
    for check, own in scores(two_logits, PAIRS, LABELS, legacy=True):
        expected = of_captum(two_logits, check.pair, block, 10)
        assert check.after == pytest.approx(expected.sum())
        expected /= np.sqrt((expected**2).sum())
        assert np.allclose(own, expected, atol=1e-6)


SETTINGS = [{}, {"target": "margin"}, {"legacy": True}]


@pytest.mark.parametrize("settings", SETTINGS, ids=["probability", "margin", "legacy"])
@pytest.mark.parametrize("kind", MODELS)
def test_scores_sum_to_the_change_of_f(kind, settings):
    """Up to the rule's error, which is larger where F bends more (the tiny DistilBERT)."""
    reranker = make_ranker(kind)
    found = list(scores(reranker, PAIRS, LABELS, n_points=100, **settings))
    changes = np.array([check.before for check, _ in found])
    sums = np.array([check.after for check, _ in found])
    within = 0.02 if rounds(kind) or kind == "distilbert" else 2e-3
    assert np.abs(sums - changes).max() < within * np.abs(changes).max()
    for check, own in found:
        legacy = "legacy" in settings
        assert np.linalg.norm(own) == pytest.approx(1) if legacy else own.sum() == check.after


@pytest.mark.parametrize("kind", ["bert", "xlm_roberta", "monot5"])
def test_special_tokens_stay_and_have_no_score(kind):
    reranker = make_ranker(kind)
    encoded = reranker.encode(PAIRS)
    for check, own in scores(reranker, PAIRS, LABELS):
        special = encoded[check.pair].special.numpy()
        assert np.abs(own[special]).max() < 1e-12
        assert (np.abs(own[~special]) > 1e-8).all()


@pytest.mark.parametrize("batch_tokens", [8, 64, 100_000])
@pytest.mark.parametrize("legacy", [False, True])
def test_no_batch_changes_them(two_logits, batch_tokens, legacy):
    given = {"n_points": 20, "legacy": legacy}
    whole = {check.pair: own for check, own in scores(two_logits, PAIRS, LABELS, **given)}
    memory = Memory(batch_tokens)
    for check, own in scores(two_logits, PAIRS, LABELS, memory=memory, **given):
        assert np.allclose(own, whole.pop(check.pair), atol=1e-9)
    assert not whole


def test_passes_get_smaller_where_memory_ends(two_logits, monkeypatch):
    """The ranker takes three rows at most here: passes of all points are halved down to that."""
    whole = {check.pair: own for check, own in scores(two_logits, PAIRS, LABELS, n_points=20)}
    forward = two_logits.model.forward

    def limited(**inputs):
        if len(inputs["inputs_embeds"]) > 3:
            raise MemoryError
        return forward(**inputs)

    monkeypatch.setattr(two_logits.model, "forward", limited)
    memory = Memory(256)
    for check, own in scores(two_logits, PAIRS, LABELS, n_points=20, memory=memory):
        assert np.allclose(own, whole.pop(check.pair), atol=1e-9)
    assert not whole and memory.batch_tokens < 128
