"""A small random BERT with a tokenizer of a few words, as a ranker; and pairs of these words."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.reranker import Reranker

WORDS = (
    "the of wing lift flow heat cell blood water energy neural rank query passage relevance token "
    "layer score search index term weight model test page web user click time space"
).split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PAIRS = [
    ("wing lift", "the wing has lift in the flow of air"),
    ("heat", "heat flow"),
    ("neural rank model", "the score of a passage is the relevance of the page to the query term"),
    ("blood cell", "water of the cell energy heat time space user click web page test index"),
]


def make_tokenizer(more_words: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    words = [*SPECIAL, *WORDS, *more_words]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def make_model(n_logits: int = 2, layers: int = 3, seed: int = 0) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
        num_labels=n_logits,
        initializer_range=0.4,  # large enough for softmax, GELU and F to bend along the path
        pad_token_id=0,
    )
    return BertForSequenceClassification(config).eval()


def make_reranker(n_logits: int = 2, dtype: str = "float64", layers: int = 3) -> Reranker:
    model = make_model(n_logits, layers).to(getattr(torch, dtype))
    return Reranker(model, make_tokenizer(), find_architecture(model), max_length=48, dtype=dtype)
