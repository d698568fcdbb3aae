"""The rankers that pages name, small and on this machine."""

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from toys.bert import SPECIAL, WORDS, make_tokenizer
from toys.hub import put_in_cache

HUB_IDS = ("cross-encoder/ms-marco-MiniLM-L6-v2",)


@pytest.fixture(scope="session")
def hub_cache(tmp_path_factory) -> Path:
    """A cache in which a small random ranker has the names of the hub's."""
    folder = tmp_path_factory.mktemp("ranker")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=512,
        num_labels=1,
        pad_token_id=0,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer = make_tokenizer()
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(folder)
    cache = tmp_path_factory.mktemp("hub")
    for name in HUB_IDS:
        put_in_cache(cache, name, folder)
    return cache
