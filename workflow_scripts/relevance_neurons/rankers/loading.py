"""Load a ranker from a folder or a model hub, with errors that say what to do."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.architectures import (
    Architecture,
    check_architecture,
    find_architecture,
)
from relevance_neurons.rankers.monot5 import MonoT5, MonoT5Reranker, label_tokens
from relevance_neurons.rankers.neurons import Neurons
from relevance_neurons.rankers.reranker import Reranker

DTYPES = ("auto", "float32", "bfloat16", "float64")
_HUB_SECONDS = 4.0
_TIKTOKEN = "`tiktoken` is required"
"""What transformers says of a SentencePiece file where the package sentencepiece is missing."""


def load_reranker(
    model: str | Path,
    tokenizer: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
    max_length: int = 512,
    architecture: Architecture | None = None,
    batch_tokens: int | None = None,
) -> Reranker:
    """Load a cross-encoder, or a MonoT5: a folder written by ``save_pretrained``, or a hub id.

    ``tokenizer`` defaults to the model's own. ``device`` is "auto" (the GPU if there is one),
    "cpu" or "cuda". Pairs are cut at ``max_length`` tokens. ``architecture`` describes a model
    that is not in ``ARCHITECTURES``; by default the description that fits is found.
    ``batch_tokens`` is the size of a pass, which bounds the memory; by default it suits the
    ranker and its device, and it is halved where memory runs out.

    Raises ``UserError`` if the folder or id holds neither a trained sequence classifier with one
    or two logits nor a T5, if its architecture is not described, or if the hub is out of reach
    and the model is not in its offline cache (within 5 seconds).
    """
    if dtype not in DTYPES:
        raise UserError(f"reranker.dtype: {dtype!r} was found; allowed: {', '.join(DTYPES)}")
    torch.set_flush_denormal(True)  # a saturated softmax is several times slower without it
    network = _load_model(str(model))
    if architecture is None:
        architecture = find_architecture(network)
    else:
        check_architecture(network, architecture)
    words = load_tokenizer(str(tokenizer or model), network.config.vocab_size)
    kind = Reranker
    if network.config.is_encoder_decoder:
        network, kind = MonoT5(network, label_tokens(words)), MonoT5Reranker
    network = network.to(_device(device), torch.float64 if dtype == "float64" else torch.float32)
    length = check_length(max_length, network, words)
    return kind(network, words, architecture, length, dtype, batch_tokens)


def load_neurons(model: str | Path) -> Neurons:
    """The neurons of a ranker (as for ``load_reranker``), from its config alone: no weights."""
    config, kind = _load_config(str(model))
    with torch.device("meta"):
        network = kind.from_config(config)
    return Neurons.of(network, find_architecture(network))


def _load_config(name: str):
    """The config of a ranker, and the class that its network is of."""
    from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

    config = load_pretrained(AutoConfig, name, "model")
    _check_head(name, config)
    if config.is_encoder_decoder:
        return config, AutoModelForSeq2SeqLM
    return config, AutoModelForSequenceClassification


def _load_model(name: str):
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # of reading the weights; it would fill the log
    config, kind = _load_config(name)
    network, info = load_pretrained(kind, name, "model", config=config, output_loading_info=True)
    missing = sorted(info["missing_keys"])
    if missing:
        raise UserError(
            f"reranker.model: {name} is not a trained ranker: its weights have no "
            f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}; a folder or hub id of a "
            "fine-tuned sequence classifier, or of a MonoT5, is needed"
        )
    return network


def _check_head(name: str, config) -> None:
    """Raise ``UserError`` for a head that gives no score of relevance."""
    if config.is_encoder_decoder:
        # Others would be scored in silence by words or by a layer that they were not trained on.
        kind = (config.architectures or [config.model_type])[0]
        other_head = kind.startswith("T5For") and kind != "T5ForConditionalGeneration"
        if config.model_type != "t5" or other_head:
            raise UserError(
                f"reranker.model: {name}: a {kind} is no MonoT5 (T5ForConditionalGeneration), the "
                "only encoder-decoder that is known"
            )
    elif config.num_labels not in (1, 2):
        raise UserError(
            f"reranker.model: {name} has {config.num_labels} logits; a ranker has 1 (relevance) "
            "or 2 (0 non-relevant, 1 relevant)"
        )


def load_tokenizer(name: str, n_known: int):
    """The fast tokenizer of a folder or hub id, for a model that knows ``n_known`` tokens.

    Raises ``UserError`` if there is none, or if it does not belong to the model.
    """
    from transformers import AutoTokenizer

    tokenizer = load_pretrained(AutoTokenizer, name, "tokenizer")
    if len(tokenizer) <= len(tokenizer.all_special_tokens):  # made up where no file is there
        raise UserError(
            f"reranker.tokenizer: {name} has no vocabulary; a folder with tokenizer.json or a hub "
            "id is needed"
        )
    if len(tokenizer) > n_known:
        raise UserError(
            f"reranker.tokenizer: {name} has {len(tokenizer)} tokens; the model knows {n_known}: "
            "they do not belong together"
        )
    if not tokenizer.is_fast:
        raise UserError(
            f"reranker.tokenizer: {name} has no fast tokenizer (tokenizer.json); one is needed to "
            "tell query, passage and special tokens apart"
        )
    if tokenizer.pad_token_id is None:
        raise UserError(f"reranker.tokenizer: {name} has no padding token; one is needed")
    return tokenizer


def load_pretrained(kind, name: str, key: str, **options):
    """``kind.from_pretrained``: a folder, else the hub's cache, else the hub if it answers.

    ``key`` is the study's key under reranker that ``name`` comes from. Raises ``UserError`` with
    what to do where nothing can be loaded.
    """
    looks_local = Path(name).is_absolute() or name.startswith((".", "~"))
    if Path(name).expanduser().is_dir():
        return _load_local(kind, str(Path(name).expanduser()), key, options)
    if looks_local:
        raise UserError(f"reranker.{key}: no folder {name}; a folder or a hub id is needed")
    try:
        return kind.from_pretrained(name, local_files_only=True, **options)
    except (OSError, ValueError) as error:
        if _TIKTOKEN not in str(error):  # it is in the cache: no hub would help
            _require_hub(name, key)
    try:
        return kind.from_pretrained(name, **options)
    except (OSError, ValueError) as error:
        raise UserError(f"reranker.{key}: {name}: {_reason(error)}") from error


def _load_local(kind, folder: str, key: str, options: dict):
    try:
        return kind.from_pretrained(folder, local_files_only=True, **options)
    except Exception as error:  # safetensors, json and transformers each raise their own kinds
        raise UserError(
            f"reranker.{key}: {folder} cannot be loaded ({_reason(error)}); a folder written "
            "by save_pretrained is needed (config.json, model.safetensors, tokenizer.json)"
        ) from error


def _require_hub(name: str, key: str) -> None:
    """Raise ``UserError`` unless the hub answers within a few seconds (it retries for 30)."""
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    try:
        if offline:
            raise OSError("HF_HUB_OFFLINE is set")
        request = urllib.request.Request(f"{endpoint}/api/models/{name}", method="HEAD")
        urllib.request.urlopen(request, timeout=_HUB_SECONDS).close()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403, 404):
            raise UserError(
                f"reranker.{key}: the hub has no public {name} (HTTP {error.code}); check the id, "
                "or log in with `hf auth login`"
            ) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UserError(
            f"reranker.{key}: {name} is neither a folder nor in the hub's offline cache, and the "
            f"hub is out of reach ({_first_line(error)}); give a folder, or run "
            f"`hf download {name}` where there is a network and copy its cache ($HF_HOME)"
        ) from error


def check_length(max_length: int, network, tokenizer, key: str = "max_length") -> int:
    """``max_length``; raises ``UserError`` where the model holds fewer tokens."""
    positions = getattr(network.config, "max_position_embeddings", None) or max_length
    embeddings = getattr(network.base_model, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    if padding is not None:
        positions -= padding + 1  # RoBERTa's kind: the table starts after the padding index
    limit = min(tokenizer.model_max_length, positions)
    if max_length > limit:
        raise UserError(
            f"reranker.{key}: {max_length} was found; this model holds at most {limit} tokens"
        )
    return max_length


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"device: {name!r} was found; allowed: auto, cpu, cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda was asked for, but torch finds no GPU here")
    return device


def _reason(error: BaseException) -> str:
    if _TIKTOKEN in str(error):
        return (
            "its SentencePiece file needs the package sentencepiece; or name a tokenizer that has "
            "a tokenizer.json, as google-t5/t5-base for a MonoT5"
        )
    return _first_line(error)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
