"""The teacher's cosines against stock BERT on one text at a time, without padding."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from relevance_neurons.rankers import bi_encoder
from relevance_neurons.rankers.bi_encoder import BiEncoder
from relevance_neurons.rankers.training_arithmetic import has_bfloat16
from toys.bert import PAIRS, make_model, make_tokenizer


@pytest.fixture
def float32(monkeypatch):
    monkeypatch.setattr(
        bi_encoder, "arithmetic", lambda device: torch.autocast("cpu", enabled=False)
    )


def expected(body, tokenizer, max_length):
    def vector(text):
        tokens = tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt")
        return body(**tokens).last_hidden_state[0].mean(0)

    with torch.no_grad():
        return [cosine_similarity(vector(q), vector(p), dim=0).item() for q, p in PAIRS]


@pytest.mark.parametrize("max_length", [6, 48])
def test_cosines_of_means_of_tokens(float32, max_length):
    body, tokenizer = make_model().base_model, make_tokenizer()
    found = BiEncoder(body, tokenizer, max_length).similarities(*zip(*PAIRS, strict=True))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(body, tokenizer, max_length), atol=1e-6)


def test_bfloat16_is_near():
    if not has_bfloat16(torch.device("cpu")):
        pytest.skip("a CPU without bfloat16")
    body, tokenizer = make_model().base_model, make_tokenizer()
    found = BiEncoder(body, tokenizer, 48).similarities(*zip(*PAIRS, strict=True))
    np.testing.assert_allclose(found, expected(body, tokenizer, 48), atol=0.05)


def test_the_teacher_stays_as_it_was_while_the_ranker_learns(float32):
    body, tokenizer = make_model().base_model, make_tokenizer()
    teacher, other = BiEncoder(body, tokenizer, 48), make_model().base_model
    with torch.no_grad():
        for weight in body.parameters():
            weight.add_(1.0)
    found = teacher.similarities(*zip(*PAIRS, strict=True))
    np.testing.assert_allclose(found, expected(other, tokenizer, 48), atol=1e-6)
