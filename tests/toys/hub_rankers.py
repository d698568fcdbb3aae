"""Rankers as the hub has them, tiny: their config.json, files and tokenizers, random weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
    T5ForConditionalGeneration,
)

from toys.bert import SPECIAL, WORDS, make_tokenizer
from toys.tiny_rankers import roberta_tokenizer, t5_tokenizer

VERY_LARGE = 1000000000000000019884624838656
"""model_max_length where nobody gave one."""

N_WORDS = len(SPECIAL) + len(WORDS) + 1
"""One more than in other toys: tokenizers of the hub have a mask."""
_TINY = {
    "vocab_size": N_WORDS,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
_ONE = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
_DROPOUT = {"attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.1}
_BERT = {
    **_TINY,
    **_DROPOUT,
    "architectures": ["BertForSequenceClassification"],
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "transformers_version": "4.6.1",
    "type_vocab_size": 2,
    "use_cache": True,
}
_ROBERTA = {
    **_BERT,
    "architectures": ["RobertaForSequenceClassification"],
    "bos_token_id": 0,
    "classifier_dropout": None,
    "eos_token_id": 2,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 514,
    "model_type": "roberta",
    "pad_token_id": 1,
    "type_vocab_size": 1,
}
_XLM_ROBERTA = {
    **_ROBERTA,
    "architectures": ["XLMRobertaForSequenceClassification"],
    "model_type": "xlm-roberta",
    "output_past": True,
}
_SENTENCE_TRANSFORMERS = {
    "sentence_transformers": {
        "activation_fn": "torch.nn.modules.linear.Identity",
        "version": "4.1.0.dev0",
    }
}


@dataclass(frozen=True)
class HubRanker:
    """A config.json, and what is particular in the files beside it.

    ``tokenizer`` are keys of its tokenizer_config.json, None where it has no tokenizer; ``extra``
    are names and shapes of further tensors that its weights hold.
    """

    config: dict[str, Any]
    tokenizer: dict[str, Any] | None = field(default_factory=dict)
    torch_file: bool = False
    half: bool = False
    extra: dict[str, tuple[int, ...]] = field(default_factory=dict)


RANKERS = {
    "cross-encoder/ms-marco-MiniLM-L6-v2": HubRanker(
        _BERT | _ONE | _SENTENCE_TRANSFORMERS, {"tokenizer_class": "BertTokenizer"}
    ),
    "castorini/monobert-large-msmarco": HubRanker(
        {key: value for key, value in _BERT.items() if key != "position_embedding_type"}
        | {"directionality": "bidi", "pooler_fc_size": 768, "pooler_type": "first_token_transform"},
        None,
        torch_file=True,
        extra={"bert.embeddings.position_ids": (1, 512)},
    ),
    "cross-encoder/stsb-roberta-base": HubRanker(
        _ROBERTA | _ONE | {"sbert_ce_default_activation_function": "torch.nn.Sigmoid"},
        torch_file=True,
        extra={"roberta.pooler.dense.weight": (16, 16), "roberta.pooler.dense.bias": (16,)},
    ),
    "cross-encoder/quora-distilroberta-base": HubRanker(
        _ROBERTA | _ONE, {"model_max_length": VERY_LARGE}, torch_file=True
    ),
    "BAAI/bge-reranker-base": HubRanker(
        _XLM_ROBERTA | _ONE | {"_name_or_path": "base", "torch_dtype": "float32"},
        {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512},
        extra={"roberta.embeddings.position_ids": (1, 514)},
    ),
    "BAAI/bge-reranker-v2-m3": HubRanker(
        _XLM_ROBERTA | _ONE | {"max_position_embeddings": 8194, "torch_dtype": "float32"},
        {"model_max_length": 8192},
    ),
    "antoinelouis/crossencoder-camembert-base-mmarcoFR": HubRanker(
        _ROBERTA
        | _ONE
        | {"architectures": ["CamembertForSequenceClassification"], "model_type": "camembert"},
        {"pad_token": "</s>"},
    ),
    "cross-encoder/ms-marco-electra-base": HubRanker(
        _BERT
        | _ONE
        | {
            "architectures": ["ElectraForSequenceClassification"],
            "embedding_size": 8,
            "model_type": "electra",
            "summary_activation": "gelu",
            "summary_last_dropout": 0.1,
            "summary_type": "first",
            "summary_use_proj": True,
        },
        torch_file=True,
    ),
    "mixedbread-ai/mxbai-rerank-xsmall-v1": HubRanker(
        _TINY
        | _DROPOUT
        | _ONE
        | {
            "architectures": ["DebertaV2ForSequenceClassification"],
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-07,
            "max_position_embeddings": 512,
            "max_relative_positions": -1,
            "model_type": "deberta-v2",
            "norm_rel_ebd": "layer_norm",
            "pad_token_id": 0,
            "pooler_dropout": 0,
            "pooler_hidden_act": "gelu",
            "pooler_hidden_size": 16,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "position_buckets": 8,
            "relative_attention": True,
            "share_att_key": True,
            "torch_dtype": "float16",
            "type_vocab_size": 0,
        },
        half=True,
    ),
    "Alibaba-NLP/gte-reranker-modernbert-base": HubRanker(
        _TINY
        | _ONE
        | {
            "architectures": ["ModernBertForSequenceClassification"],
            "bos_token_id": 2,
            "classifier_activation": "gelu",
            "classifier_bias": False,
            "classifier_dropout": 0.0,
            "classifier_pooling": "mean",
            "cls_token_id": 2,
            "decoder_bias": True,
            "deterministic_flash_attn": False,
            "eos_token_id": 3,
            "global_attn_every_n_layers": 3,
            "global_rope_theta": 160000.0,
            "hidden_activation": "gelu",
            "layer_norm_eps": 1e-05,
            "local_attention": 8,
            "local_rope_theta": 10000.0,
            "max_position_embeddings": 8192,
            "mlp_bias": False,
            "model_type": "modernbert",
            "norm_bias": False,
            "norm_eps": 1e-05,
            "pad_token_id": 0,
            "position_embedding_type": "absolute",
            "sep_token_id": 3,
            "torch_dtype": "float16",
        },
        {"model_max_length": 8192, "model_input_names": ["input_ids", "attention_mask"]},
        half=True,
    ),
    "someone/qnli-distilbert": HubRanker(
        {
            "activation": "gelu",
            "architectures": ["DistilBertForSequenceClassification"],
            "dim": 16,
            "hidden_dim": 24,
            "id2label": {"0": "entailment", "1": "not_entailment"},
            "label2id": {"entailment": "0", "not_entailment": "1"},
            "max_position_embeddings": 512,
            "model_type": "distilbert",
            "n_heads": 2,
            "n_layers": 2,
            "pad_token_id": 0,
            "problem_type": "single_label_classification",
            "seq_classif_dropout": 0.2,
            "sinusoidal_pos_embds": False,
            "tie_weights_": True,
            "vocab_size": N_WORDS,
        }
    ),
    "castorini/monot5-base-msmarco": HubRanker(
        {
            "architectures": ["T5ForConditionalGeneration"],
            "d_ff": 24,
            "d_kv": 8,
            "d_model": 16,
            "decoder_start_token_id": 0,
            "dropout_rate": 0.1,
            "eos_token_id": 1,
            "feed_forward_proj": "relu",
            "is_encoder_decoder": True,
            "layer_norm_epsilon": 1e-06,
            "model_type": "t5",
            "n_positions": 512,
            "num_heads": 2,
            "num_layers": 2,
            "output_past": True,
            "pad_token_id": 0,
            "relative_attention_num_buckets": 32,
            "task_specific_params": {"summarization": {"num_beams": 4, "prefix": "summarize: "}},
            "vocab_size": 60,
        },
        {"model_max_length": 512, "extra_ids": 0},
        torch_file=True,
        extra={
            "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": (32, 2),
        },
    ),
}


def save(ranker: HubRanker, folder: Path) -> None:
    """Write ``ranker`` as the hub has it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(ranker.config, indent=2))
    weights = {name: tensor.clone() for name, tensor in _network(ranker).state_dict().items()}
    weights |= {name: torch.zeros(shape) for name, shape in ranker.extra.items()}
    if ranker.half:
        weights = {name: tensor.half() for name, tensor in weights.items()}
    if ranker.torch_file:
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    if ranker.tokenizer is not None:
        _tokenizer(ranker.config["model_type"]).save_pretrained(folder)
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | ranker.tokenizer))


def _network(ranker: HubRanker) -> torch.nn.Module:
    torch.manual_seed(0)
    config = AutoConfig.for_model(**ranker.config)
    if config.is_encoder_decoder:
        network = T5ForConditionalGeneration(config)
    else:
        network = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for name, weights in network.named_parameters():
            is_scale = name.endswith("weight") and weights.ndim == 1
            weights.normal_(1.0 if is_scale else 0.0, 0.4)
    return network


def _tokenizer(kind: str) -> PreTrainedTokenizerFast:
    if kind == "t5":
        return t5_tokenizer()
    if kind in ("xlm-roberta", "camembert"):
        return _pieces()
    return roberta_tokenizer() if kind == "roberta" else make_tokenizer(["[MASK]"])


def _pieces() -> PreTrainedTokenizerFast:
    """SentencePiece-like pieces and RoBERTa's special tokens."""
    words = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁{word}" for word in WORDS)]
    scored = [(piece, 0.0 if number < 4 else -1.0) for number, piece in enumerate(words)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    named = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    named |= {"bos_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **named)
