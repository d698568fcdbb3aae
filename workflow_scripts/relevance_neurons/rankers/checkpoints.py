"""A ranker's weights: all of the network's are there, and nothing of the file is left out."""

from __future__ import annotations

import logging
import re
from collections import Counter

import torch
from torch import nn

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.configs import read
from relevance_neurons.rankers.hub import Place, no_weights, reason, weight_files

logger = logging.getLogger(__name__)

_LEFT_OUT = re.compile(
    r"""
    # Heads of pretraining, beside a ranker's own
    ^(cls\.(predictions|seq_relationship)|lm_head|lm_predictions|mask_predictions|predictions
      |sop_classifier|discriminator_predictions|generator_predictions|generator_lm_head
      |vocab_(transform|layer_norm|projector))\.
    | ^decoder\.(weight|bias)$
    # Constants that older versions saved: 0, 1, 2, … and zeros
    | (^|\.)(position_ids|token_type_ids)$
    # Of a body whose classifier has none
    | (^|\.)pooler\.
    # Weights of the classes in the loss
    | ^(loss|loss_fct|loss_fn|criterion)\.
    """,
    re.VERBOSE,
)
"""Weights that no sequence classifier of these names computes anything with."""

ADAPTER = re.compile(r"\.lora_|^base_model\.model\.|\.base_layer\.|\.modules_to_save\.")
"""In the names of weights that PEFT adds, or of those that it wraps."""
_BODY = re.compile(r"(^|\.)(embeddings?|encoder|decoder|layers?|block|transformer)\.")


def load_network(kind, place: Place, config, new_head: bool = False, **options) -> nn.Module:
    """The network of ``config`` with the weights of the folder.

    ``new_head``: the head may be new, as where a ranker is made of another model's body. Raises
    ``UserError`` where weights are missing, of another shape, or have no place in the network.
    """
    names = _tensor_names(place, _files(place))
    network, info = read(
        kind,
        place,
        config=config,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        **options,
    )
    prefix, extra = f"{network.base_model_prefix}.", sorted(info["unexpected_keys"])

    def counts(name: str) -> bool:
        """Whether it does, where a new head is made: of the head nothing does."""
        body = name.startswith(prefix) or _BODY.search(name) is not None
        return not new_head or (body and "pooler." not in name)

    _refuse_adapter(place, extra)
    _refuse_missing(place, sorted(filter(counts, info["missing_keys"])), extra)
    _refuse_other_shapes(place, [one for one in info["mismatched_keys"] if counts(one[0])])
    _refuse_extra(
        place, network, [one for one in filter(counts, extra) if not _LEFT_OUT.search(one)]
    )
    _refuse_twins(place, names, prefix)
    refuse_infinite(place, network)
    if extra:
        logger.info("%s: not used, as no ranker does: %s", place.where, ", ".join(extra))
    return network


def _refuse_adapter(place: Place, extra: list[str]) -> None:
    if found := next(filter(ADAPTER.search, extra), None):
        raise UserError(
            f"{place.where} has weights of an adapter ({found}, …); merge the adapter first "
            "(PEFT's merge_and_unload, then save_pretrained)"
        )


def _refuse_missing(place: Place, missing: list[str], extra: list[str]) -> None:
    if not missing:
        return
    if "modules.json" in place.names():
        raise UserError(
            f"{place.where} is an embedding model of sentence-transformers (its weights have no "
            f"{missing[0]}); a cross-encoder is needed"
        )
    instead = f" (but {extra[0]}, …)" if extra else ""
    raise UserError(
        f"{place.where} is not a trained ranker: its weights have no {_few(missing)}{instead}; a "
        "folder or hub id of a fine-tuned sequence classifier, or of a MonoT5, is needed"
    )


def _refuse_other_shapes(place: Place, mismatched: list[tuple]) -> None:
    for name, found, expected in sorted(mismatched)[:1]:
        raise UserError(
            f"{place.where}: {name} is {tuple(found)} in the weights and {tuple(expected)} by "
            "config.json; give the config.json that belongs to the weights"
        )


def _refuse_extra(place: Place, network: nn.Module, extra: list[str]) -> None:
    if extra:
        raise UserError(
            f"{place.where}: {len(extra)} of its weights have no place in a "
            f"{type(network).__name__} as config.json describes it ({_few(extra)}): it would not "
            "rank as it was trained to; give the config.json that belongs to the weights, or take "
            "another ranker"
        )


def _refuse_twins(place: Place, names: list[str], prefix: str) -> None:
    """Of two weights for one place in the network one would be dropped, and nobody told."""
    plain = (
        name.removeprefix(prefix)
        .replace("Norm.gamma", "Norm.weight")
        .replace("Norm.beta", "Norm.bias")
        for name in names
    )
    twins = sorted(name for name, times in Counter(plain).items() if times > 1)
    if twins:
        raise UserError(
            f"{place.where}: its weights hold {_few(twins)} twice; save the ranker anew with "
            "save_pretrained"
        )


def refuse_infinite(place: Place, network: nn.Module) -> None:
    """Raise ``UserError`` for a weight that is no finite number."""
    for name, weights in network.named_parameters():
        if not weights.detach().sum(dtype=torch.float64).isfinite():
            raise UserError(
                f"{place.where}: {name} holds numbers that are not finite; save the ranker "
                "anew, in float32"
            )


def _files(place: Place) -> list[str]:
    """The files that the weights are in. Raises ``UserError`` if they are not all there."""
    names = place.names()
    try:
        files = weight_files(place.folder, names)
    except (OSError, ValueError, LookupError) as error:
        raise UserError(
            f"{place.where}: its index of the weights cannot be read ({reason(error)}); copy or "
            "download it again"
        ) from error
    if files is None:
        raise no_weights(place.where, names)
    if absent := sorted(set(files) - set(names)):
        raise UserError(
            f"{place.where}: its index of the weights lists {absent[0]}, which is not there; copy "
            "or download the folder again"
        )
    return [name for name in files if not name.endswith(".json")]


def _tensor_names(place: Place, files: list[str]) -> list[str]:
    """The names of all tensors in the files. Raises ``UserError`` for a file that is torn."""
    return [name for file in files for name in _names_in(place, file)]


def _names_in(place: Place, file: str) -> list[str]:
    from safetensors import safe_open

    path = place.folder / file
    try:
        with path.open("rb") as start:
            if start.read(24).startswith(b"version https://git-lfs"):
                raise UserError(
                    f"{place.where}: {file} is a pointer of Git LFS, not the weights; run `git lfs "
                    "pull` in the folder"
                )
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as tensors:
                return list(tensors.keys())
        return list(torch.load(path, map_location="meta", weights_only=True))
    except UserError:
        raise
    except Exception as error:  # safetensors, zipfile and pickle each raise their own kinds
        raise UserError(
            f"{place.where}: {file} is torn, or holds no weights ({reason(error)}); copy or "
            "download it again"
        ) from error


def _few(names: list[str]) -> str:
    return f"{', '.join(names[:3])}{', …' if len(names) > 3 else ''}"
