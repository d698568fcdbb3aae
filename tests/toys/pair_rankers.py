"""Tiny rankers around the three kinds of tokenizers, to make diagnostic pairs with."""

import torch
from transformers import BertConfig, BertForSequenceClassification

from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.reranker import Reranker
from toys.tiny_tokenizers import byte_bpe, unigram, wordpiece

KINDS = {"WordPiece": wordpiece, "byte BPE": byte_bpe, "SentencePiece": unigram}


def ranker_of(kind: str, max_length: int = 64) -> Reranker:
    """A random BERT whose tokenizer is of ``kind``."""
    tokenizer = KINDS[kind]()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer) + 1,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=64,
        num_labels=1,
    )
    model = BertForSequenceClassification(config).eval()
    return Reranker(model, tokenizer, find_architecture(model), max_length, "float32")
