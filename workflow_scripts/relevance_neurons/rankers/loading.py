"""Load a ranker: of a folder, a hub or an object in memory; with errors that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.architectures import (
    Architecture,
    check_architecture,
    find_architecture,
)
from relevance_neurons.rankers.checkpoints import load_network
from relevance_neurons.rankers.configs import check_head, load_config
from relevance_neurons.rankers.hub import Place, find_place
from relevance_neurons.rankers.labels import put_relevant_last, relevant_logit, say_margins
from relevance_neurons.rankers.model_objects import take_apart, take_tokenizer
from relevance_neurons.rankers.monot5 import MonoT5, MonoT5Reranker, label_tokens
from relevance_neurons.rankers.neurons import Neurons
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.tokenizing import check_length, load_tokenizer, usual_length

DTYPES = ("auto", "float32", "bfloat16", "float64")


def load_reranker(
    model: str | Path | object,
    tokenizer: str | Path | object | None = None,
    device: str = "auto",
    dtype: str = "auto",
    max_length: int | None = None,
    architecture: Architecture | None = None,
    batch_tokens: int | None = None,
    relevant: int | None = None,
) -> Reranker:
    """Load a cross-encoder, or a MonoT5: a folder, a hub id, or a model that is in memory.

    ``model`` is a folder written by ``save_pretrained``, a hub id, or an object: a CrossEncoder of
    sentence-transformers, a …ForSequenceClassification or T5ForConditionalGeneration of
    transformers with its ``tokenizer``, or a PyTerrier re-ranker that holds one of these in an
    attribute. An object is copied and never changed, so its weights are in memory twice while
    both are there; training it further does not reach the copy. A Reranker is returned as it is.

    ``tokenizer`` defaults to the model's own. ``device`` is "auto" (the GPU if there is one; an
    object's own), "cpu" or "cuda". Pairs are cut at ``max_length`` tokens: by default 512, or as
    many as the model holds where these are fewer; of a CrossEncoder where it cuts them itself.
    ``architecture`` describes a model that is not in ``ARCHITECTURES``; by default the description
    that fits is found.
    ``batch_tokens`` is the size of a pass, which bounds the memory; by default it suits the
    ranker and its device, and it is halved where memory runs out. ``relevant`` is the index of
    the relevant one of two logits; by default the labels in the config tell, and where they do
    not it is 1.

    Raises ``UserError`` if the folder or id holds neither a trained sequence classifier with one
    or two logits nor a T5, if some of its weights would not be used, if its architecture is not
    described, or if the hub is out of reach and the model is not in its offline cache (within 5
    seconds); and for an object that is no ranker, is quantised or has an adapter that is not
    merged.
    """
    if dtype not in DTYPES:
        raise UserError(f"reranker.dtype: {dtype!r} was found; allowed: {', '.join(DTYPES)}")
    torch.set_flush_denormal(True)  # a saturated softmax is several times slower without it
    # Whatever type the config names: weights would be rounded to it.
    numbers = torch.float64 if dtype == "float64" else torch.float32
    where = _device(device)
    if isinstance(model, str | Path):
        network = _load_network(str(model), numbers, relevant)
        words = take_tokenizer(tokenizer or model, network.config)
        length = usual_length(network, words)
    else:
        given = take_apart(model, tokenizer)
        if isinstance(given, Reranker):
            settings = (tokenizer, max_length, architecture, batch_tokens, relevant)
            return _as_it_is(given, device, dtype, settings)
        network, words, length = given.network.to(numbers), given.tokenizer, given.max_length
        where = where if device != "auto" else next(network.parameters()).device
        _put_in_order(network, given.place, given.written, relevant)
    if architecture is None:
        architecture = find_architecture(network)
    else:
        check_architecture(network, architecture)
    kind = Reranker
    if network.config.is_encoder_decoder:
        network, kind = MonoT5(network, label_tokens(words)), MonoT5Reranker
    network = network.to(where, numbers)
    length = check_length(length if max_length is None else max_length, network, words)
    return kind(network, words, architecture, length, dtype, batch_tokens)


def _as_it_is(reranker: Reranker, device: str, dtype: str, settings: tuple) -> Reranker:
    """``reranker``; raises ``UserError`` for settings, which it was loaded with."""
    if (device, dtype) != ("auto", "auto") or any(one is not None for one in settings):
        raise UserError(
            "load_reranker: settings beside a Reranker were found; it is returned as it is; load "
            "its model anew to change them"
        )
    return reranker


def load_neurons(model: str | Path) -> Neurons:
    """The neurons of a ranker (as for ``load_reranker``), from its config alone: no weights."""
    network = _without_weights(model)
    return Neurons.of(network, find_architecture(network))


def default_length(model: str | Path) -> int:
    """At how many tokens ``load_reranker`` cuts pairs by default, from config and tokenizer."""
    network = _without_weights(model)
    return usual_length(network, load_tokenizer(str(model), network.config))


def _without_weights(model: str | Path):
    config, _ = _load_config(find_place(str(model), "model", "config"))
    with torch.device("meta"):
        return _class(config).from_config(config)


def _load_config(place: Place):
    config, written = load_config(place)
    check_head(place, config)
    return config, written


def _class(config):
    """The class that the network of a config is loaded by."""
    from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

    if config.is_encoder_decoder:
        return AutoModelForSeq2SeqLM
    return AutoModelForSequenceClassification


def _load_network(name: str, dtype: torch.dtype, relevant: int | None):
    """The network, with logits in the order (non-relevant, relevant) where there are two."""
    config, written = _load_config(find_place(name, "model", "config"))
    place = find_place(name, "model", "weights")
    _check_relevant(config, place, relevant)
    network = load_network(_class(config), place, config, dtype=dtype)
    _put_in_order(network, place, written, relevant)
    return network


def _check_relevant(config, place: Place, relevant: int | None) -> None:
    if config.is_encoder_decoder and relevant is not None:
        raise UserError(
            f"reranker.relevant_index: {relevant} was found; {place.where} is a MonoT5, whose "
            "words tell; leave the key out"
        )


def _put_in_order(network, place: Place, written: Mapping, relevant: int | None) -> None:
    """Put the relevant logit last, in place; nothing is done to a MonoT5."""
    config = network.config
    _check_relevant(config, place, relevant)
    if config.is_encoder_decoder:
        return
    if relevant_logit(place, written, config.num_labels, relevant) != config.num_labels - 1:
        put_relevant_last(network, place)
    say_margins(place, written)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"device: {name!r} was found; allowed: auto, cpu, cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda was asked for, but torch finds no GPU here; take auto or cpu")
    return device
