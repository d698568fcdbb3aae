"""Tiny random rankers of every architecture that is described."""

import copy
from collections.abc import Callable

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.monot5 import MonoT5, MonoT5Reranker, label_tokens
from relevance_neurons.rankers.reranker import Reranker
from toys.bert import SPECIAL, WORDS, make_model, make_tokenizer

N_WORDS = len(SPECIAL) + len(WORDS)
SIZES = {
    "vocab_size": N_WORDS,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


def electra(n_logits: int) -> nn.Module:
    config = ElectraConfig(**SIZES, embedding_size=8, num_labels=n_logits)
    return ElectraForSequenceClassification(config)


def xlm_roberta(n_logits: int) -> nn.Module:
    sizes = {**SIZES, "pad_token_id": 1, "type_vocab_size": 1}
    return XLMRobertaForSequenceClassification(XLMRobertaConfig(**sizes, num_labels=n_logits))


def distilbert(n_logits: int) -> nn.Module:
    sizes = {"vocab_size": N_WORDS, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}
    return DistilBertForSequenceClassification(
        DistilBertConfig(**sizes, max_position_embeddings=64, num_labels=n_logits)
    )


def deberta(n_logits: int, **options) -> nn.Module:
    config = DebertaV2Config(
        **SIZES,
        relative_attention=True,
        position_buckets=6,
        max_relative_positions=12,
        pos_att_type=["p2c", "c2p"],
        norm_rel_ebd="layer_norm",
        position_biased_input=False,
        type_vocab_size=0,
        num_labels=n_logits,
        **options,
    )
    return DebertaV2ForSequenceClassification(config)


def albert(n_logits: int, layers: int = 3, **options) -> nn.Module:
    sizes = {**SIZES, "num_hidden_layers": layers}
    config = AlbertConfig(**sizes, embedding_size=8, num_labels=n_logits, **options)
    return AlbertForSequenceClassification(config)


def modernbert(n_logits: int, **options) -> nn.Module:
    config = ModernBertConfig(
        **SIZES,
        layer_types=["full_attention", "sliding_attention", "full_attention"],
        local_attention=8,
        num_labels=n_logits,
        cls_token_id=2,
        sep_token_id=3,
        bos_token_id=2,
        eos_token_id=3,
        **options,
    )
    return ModernBertForSequenceClassification(config)


def t5(_n_logits: int, feed_forward_proj: str, tied: bool) -> nn.Module:
    config = T5Config(
        vocab_size=60,
        d_model=16,
        d_kv=8,
        d_ff=24,
        num_layers=2,
        num_decoder_layers=3,
        num_heads=2,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=12,
        feed_forward_proj=feed_forward_proj,
        tie_word_embeddings=tied,
        decoder_start_token_id=0,
    )
    return T5ForConditionalGeneration(config)


MODELS: dict[str, Callable[[int], nn.Module]] = {
    "bert": make_model,
    "electra": electra,
    "xlm_roberta": xlm_roberta,
    "distilbert": distilbert,
    "deberta, shared key": lambda n: deberta(n, share_att_key=True),
    "deberta, own key": lambda n: deberta(n, share_att_key=False, conv_kernel_size=3),
    "albert": albert,
    "albert, groups": lambda n: albert(n, 3, num_hidden_groups=2, inner_group_num=2),
    "modernbert": modernbert,
    "modernbert, mean": lambda n: modernbert(n, classifier_pooling="mean", attention_bias=True),
    "monot5": lambda n: t5(n, "relu", tied=True),
    "monot5, gated": lambda n: t5(n, "gated-gelu", tied=False),
}
"""How a tiny model of each architecture and variant is made, given the number of its logits."""


def make_stock_model(kind: str, n_logits: int = 2, seed: int = 0) -> nn.Module:
    """Random everywhere, biases too, and so that softmax, GELU and F bend along the path."""
    torch.manual_seed(seed)
    model = MODELS[kind](n_logits).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            is_scale = name.endswith("weight") and weights.ndim == 1
            weights.normal_(1.0 if is_scale else 0.0, 0.2 if "monot5" in kind else 0.3)
    return model


def roberta_tokenizer() -> PreTrainedTokenizerFast:
    """Pairs as ``<s> A </s></s> B </s>``, with the padding token second."""
    words = ["<s>", "<pad>", "</s>", "<unk>", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B:1 </s>:1",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        model_max_length=60,
        # More than the model takes: it has one type.
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def t5_tokenizer(labels: tuple[str, ...] = ("true", "false")) -> PreTrainedTokenizerFast:
    """SentencePiece-like pieces, the template's among them."""
    pieces = ["<pad>", "</s>", "<unk>", "▁", ":", "▁Query", "▁Do", "cument", "▁Relevant"]
    pieces += [f"▁{word}" for word in (*labels, *WORDS)]
    scored = [(piece, 0.0 if number < 3 else -1.0) for number, piece in enumerate(pieces)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=64,
    )


def make_tiny_tokenizer(kind: str) -> PreTrainedTokenizerFast:
    if "monot5" in kind:
        return t5_tokenizer()
    return roberta_tokenizer() if kind == "xlm_roberta" else make_tokenizer()


def make_ranker(kind: str, n_logits: int = 2, dtype: str = "float64") -> Reranker:
    """A ranker around the stock model of ``kind``."""
    return ranker_around(make_stock_model(kind, n_logits), make_tiny_tokenizer(kind), dtype)


def ranker_around(model: nn.Module, tokenizer, dtype: str = "float64") -> Reranker:
    kind = Reranker
    architecture = find_architecture(model)
    if architecture.name == "t5":
        model, kind = MonoT5(model, label_tokens(tokenizer)), MonoT5Reranker
    return kind(model.to(getattr(torch, dtype)), tokenizer, architecture, 48, dtype)


def rounds(kind: str) -> bool:
    """Whether its forward pass rounds to float32 in places, in any precision.

    ModernBERT's rotary positions do, and T5's norm.
    """
    return kind.startswith(("modernbert", "monot5"))


def unrolled(reranker: Reranker) -> Reranker:
    """The same ALBERT with a copy of the shared weights for each layer."""
    model = reranker.model
    config = copy.deepcopy(model.config)
    config.num_hidden_groups = config.num_hidden_layers
    other = AlbertForSequenceClassification(config).double().eval()
    other.load_state_dict(model.state_dict(), strict=False)
    groups = model.albert.encoder.albert_layer_groups
    runs_each = config.num_hidden_layers / len(groups)
    for run, group in enumerate(other.albert.encoder.albert_layer_groups):
        group.load_state_dict(groups[int(run / runs_each)].state_dict())
    return Reranker(other, reranker.tokenizer, find_architecture(other), 48, "float64")
