"""Rankers that are already in memory: objects of other libraries, copied and looked through.

Nothing of the object is changed, neither now nor later: the ranker works on a copy. A ranker's
weights are frozen, its modules replaced by faster ones and its two logits may be turned, which
would show in an object that is trained on or scored by afterwards. So weights are in memory twice
while both are there, and what becomes of the object's weights later does not reach the copy.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.checkpoints import ADAPTER, refuse_infinite
from relevance_neurons.rankers.configs import check_head
from relevance_neurons.rankers.hub import Place
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.tokenizing import (
    DEFAULT_LENGTH,
    check_tokenizer,
    load_tokenizer,
    longest_pair,
)

logger = logging.getLogger(__name__)

_NEEDED = (
    "a folder, a hub id, a sentence-transformers CrossEncoder, a …ForSequenceClassification or "
    "T5ForConditionalGeneration with tokenizer=, a PyTerrier re-ranker that holds one of these, or "
    "a Reranker is needed"
)
_ROUNDED = ("quantized", "quantization", "bitsandbytes", "torchao", "auto_gptq", "awq")
"""In the names of packages whose modules have rounded weights."""
_NO_LIMIT = 10**6
"""From here on a tokenizer's model_max_length says that there is none."""
_AS_ALWAYS: Mapping[str, tuple] = {
    "padding": (),
    "return_tensors": (),
    "truncation": (True, "longest_first"),
}
"""Settings of a tokenizer's calls that change nothing here, if they are these (empty: any)."""


class Given(NamedTuple):
    """What a ranker is made of: copies, but for ``place``, which is how messages name it."""

    network: nn.Module
    tokenizer: Any
    max_length: int
    """At how many tokens it cuts pairs where nobody says otherwise."""
    written: Mapping[str, Any]
    """What tells which logit is relevant, as in a config.json."""
    place: Place


def take_apart(model: object, tokenizer: object = None) -> Given | Reranker:
    """What of ``model``, an object of another library, makes a ranker; a ``Reranker`` it holds.

    Raises ``UserError`` for what is none, saying what was found.
    """
    where = f"reranker.model: a {type(model).__name__}"
    model = getattr(model, "_orig_mod", model)  # as torch.compile wraps it
    if _is_a(model, "pyterrier", "Transformer"):
        model, tokenizer = _held(model, tokenizer, where)
        where += f" with a {type(model).__name__}"
    if isinstance(model, Reranker):
        return model
    if _is_a(model, "sentence_transformers", "CrossEncoder"):
        return _of_cross_encoder(model, tokenizer, where)
    if _is_ranker(model):
        return _given(model, tokenizer, DEFAULT_LENGTH, {}, where)
    if _is_a(model, "sentence_transformers", "SentenceTransformer"):
        raise UserError(f"{where} reads a query and a passage apart; a cross-encoder is needed")
    if _is_a(model, "peft", "PeftModel"):
        raise UserError(f"{where} holds an adapter; give what its merge_and_unload() returns")
    raise UserError(f"{where} was found; {_NEEDED}")


def _of_cross_encoder(model: Any, tokenizer: object, where: str) -> Given:
    """A CrossEncoder's network, with the length at which its ``predict`` cuts pairs."""
    network, parts = getattr(model, "model", None), [type(one).__name__ for one in model]
    if len(parts) != 1 or not isinstance(network, nn.Module):
        raise UserError(
            f"{where} of {', '.join(parts)} was found; one of a single sequence classifier in "
            "torch is needed"
        )
    _refuse_own_reading(model, where)
    activation = {"activation_fn": f"{type(model.activation_fn).__name__}"}
    written = {"sentence_transformers": activation}
    words = model.tokenizer if tokenizer is None else tokenizer
    return _given(network, words, _NO_LIMIT, written, where)


def _refuse_own_reading(model: Any, where: str) -> None:
    """Raise ``UserError`` where a CrossEncoder makes other tokens of a pair than its tokenizer."""
    name = getattr(model, "default_prompt_name", None)
    if prompt := (getattr(model, "prompts", None) or {}).get(name):
        raise UserError(
            f"{where} puts {prompt!r} before what it reads, which is not done here; set its "
            "default_prompt_name to None if it ranks without"
        )
    settings = getattr(next(iter(model)), "processing_kwargs", None) or {}
    read = {**(settings.get("common") or {}), **(settings.get("text") or {})}
    for key, value in read.items():
        usual = _AS_ALWAYS.get(key)
        if usual is None or (usual and value not in usual):
            raise UserError(
                f"{where} calls its tokenizer with {key}={value!r} (processing_kwargs), which is "
                "not done here; take that out if it ranks without, and set max_seq_length for a "
                "length"
            )


def _given(network: Any, tokenizer: Any, most: int, written: Mapping, where: str) -> Given:
    """Copies of both, after the checks that a folder's files meet in ``load_network``.

    ``most``: tokens of a pair, where the model holds more.
    """
    network = getattr(network, "_orig_mod", network)
    place = Place(where, Path())
    if not _is_ranker(network):
        raise UserError(f"{where} holds a {type(network).__name__}; {_NEEDED}")
    kind = next(name for name in _class_names(network) if _names_a_ranker(name))
    check_head(place, network.config, kind)
    _refuse_unfit(network, place)
    if tokenizer is None:
        raise UserError(f"{where} comes without a tokenizer; give it too: tokenizer=…")
    tokenizer = take_tokenizer(tokenizer, network.config)
    _warn_of_new_head(network, place)
    length = min(most, longest_pair(network, tokenizer))
    length = length if length < _NO_LIMIT else DEFAULT_LENGTH
    labels = {key: getattr(network.config, key, None) for key in ("id2label", "label2id")}
    return Given(copy.deepcopy(network).eval(), tokenizer, length, {**labels, **written}, place)


def take_tokenizer(tokenizer: object, config: Any) -> Any:
    """A copy of a tokenizer in memory, or that of a folder or hub id, for a model of ``config``.

    Raises ``UserError`` as ``load_tokenizer``.
    """
    if isinstance(tokenizer, str | Path):
        return load_tokenizer(str(tokenizer), config)
    check_tokenizer(Place(f"tokenizer: a {type(tokenizer).__name__}", Path()), tokenizer, config)
    return copy.deepcopy(tokenizer)


def _refuse_unfit(network: nn.Module, place: Place) -> None:
    """Raise ``UserError`` where the weights are not plainly the ranker's, or not all here."""
    names = [name for name, _ in network.named_parameters()]
    if found := next(filter(ADAPTER.search, names), None):
        raise UserError(
            f"{place.where} has weights of an adapter ({found}, …); merge the adapter first "
            "(PEFT's merge_and_unload) and give what that returns"
        )
    rounded = [
        type(one).__name__
        for one in network.modules()
        if any(word in type(one).__module__ for word in _ROUNDED)
    ]
    whole = [name for name, one in network.named_parameters() if not one.is_floating_point()]
    if rounded or whole or getattr(network.config, "quantization_config", None):
        found = next(iter(rounded + whole), "quantization_config")
        raise UserError(
            f"{place.where} is quantised ({found}); load it in float32 or a half precision: "
            "neurons of rounded weights are not those of the ranker"
        )
    devices = sorted({str(one.device) for one in network.parameters()})
    if len(devices) > 1 or devices == ["meta"] or _is_dispatched(network):
        raise UserError(
            f"{place.where} is spread by accelerate, or over devices ({', '.join(devices)}); load "
            "it without device_map, on one device"
        )
    refuse_infinite(place, network)


def _is_dispatched(network: nn.Module) -> bool:
    """Whether accelerate calls the object's modules by functions that a copy would share."""
    return any(hasattr(module, "_hf_hook") for module in network.modules())


def _warn_of_new_head(network: nn.Module, place: Place) -> None:
    """Say so where the head looks untrained: transformers makes one up for any pretrained body."""
    heads = [one for one in network.modules() if getattr(one, "out_features", None) in (1, 2)]
    bias = heads[-1].bias if heads and isinstance(heads[-1], nn.Linear) else None
    if bias is not None and not bias.detach().any():
        logger.warning(
            "%s: the bias of its head is 0, as that of a new head is: if it was never trained to "
            "rank, its scores mean nothing; give a ranker that was fine-tuned",
            place.where,
        )


def _held(transformer: object, tokenizer: object, where: str) -> tuple[object, object]:
    """The one ranker that a PyTerrier transformer's attributes hold, and its tokenizer."""
    attributes = dict(vars(transformer))
    rankers = {name: one for name, one in attributes.items() if _is_model(one)}
    if len(rankers) != 1:
        listed = rankers or attributes
        found = ", ".join(f"{name} ({type(one).__name__})" for name, one in listed.items())
        number = "several of its attributes hold a model" if rankers else "no model"
        raise UserError(
            f"{where}: {number} among its attributes ({found or 'it has none'}); give the model "
            "itself, with tokenizer= where it is one of transformers"
        )
    (ranker,) = rankers.values()
    if attributes.get("neurons") is not None and isinstance(ranker, Reranker):
        raise UserError(
            f"{where}: its ranker would be loaded with its neurons at work; give "
            "the ranker itself and switch them off with ablate"
        )
    words = [one for one in attributes.values() if _is_tokenizer(one)]
    if tokenizer is None and len(words) == 1:
        tokenizer = words[0]
    return ranker, tokenizer


def _is_model(value: object) -> bool:
    return isinstance(value, Reranker | nn.Module)


def _is_tokenizer(value: object) -> bool:
    return any(name.startswith("PreTrainedTokenizer") for name in _class_names(value))


def _is_ranker(value: object) -> bool:
    named = any(map(_names_a_ranker, _class_names(value)))
    return named and isinstance(value, nn.Module) and hasattr(value, "config")


def _names_a_ranker(name: str) -> bool:
    return name.endswith("ForSequenceClassification") or name == "T5ForConditionalGeneration"


def _class_names(value: object) -> list[str]:
    return [one.__name__ for one in type(value).__mro__]


def _is_a(value: object, package: str, name: str) -> bool:
    """Whether it is an object of that class, without importing the package."""
    return any(
        one.__name__ == name and one.__module__.split(".")[0] == package
        for one in type(value).__mro__
    )
