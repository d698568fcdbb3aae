"""A ranker's config.json: what it must say, and what of it nobody would heed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.hub import Place, reason, shown

logger = logging.getLogger(__name__)

_OTHER_HEADS = ("TokenClassification", "QuestionAnswering", "MultipleChoice", "CausalLM")
"""Heads whose weights may have the names and shapes of a sequence classifier's."""

_OF_NO_EFFECT = {
    "architectures", "model_type", "transformers_version", "dtype", "torch_dtype", "num_labels",
    "id2label", "label2id", "problem_type", "sentence_transformers", "use_cache",
    "sbert_ce_default_activation_function", "gradient_checkpointing", "position_embedding_type",
}  # fmt: skip
"""Keys that no network is shaped by, or that are looked at here."""


def load_config(place: Place, **changes):
    """The config of a ranker, with ``changes``; and what its config.json says, as it stands there.

    Raises ``UserError`` where it belongs to something that cannot be loaded truly, or at all.
    """
    from transformers import AutoConfig

    written = _written(place)
    _check_written(place, written)
    config = read(AutoConfig, place, **changes)
    position = written.get("position_embedding_type") or "absolute"
    known = {field.name for field in fields(config)}
    if position != "absolute" and "position_embedding_type" not in known:
        raise UserError(
            f"{place.where} was trained with positions of the kind {position} "
            f"(position_embedding_type in config.json), which this transformers' "
            f"{config.model_type} no longer computes; take a ranker with absolute positions"
        )
    unheeded = {key for key in written if key[0] != "_"} - known - set(config.attribute_map)
    if unheeded := sorted(unheeded - _OF_NO_EFFECT):
        text = "%s: config.json: of no effect in a %s: %s"
        logger.info(text, place.where, config.model_type, ", ".join(unheeded))
    return config, written


def check_head(place: Place, config, kind: str | None = None) -> None:
    """Raise ``UserError`` for a head that gives no score of relevance.

    ``kind`` is the class of the network; None: the one that the config names.
    """
    kind = kind or (config.architectures or [config.model_type])[0]
    if config.is_encoder_decoder:
        # Others would be scored in silence by words or by a layer that they were not trained on.
        other_head = kind.startswith("T5For") and kind != "T5ForConditionalGeneration"
        if config.model_type != "t5" or other_head:
            raise UserError(
                f"{place.where}: a {kind} is no MonoT5 (T5ForConditionalGeneration); of "
                "encoder-decoders only a MonoT5 can be taken"
            )
    elif kind.endswith(_OTHER_HEADS):
        raise UserError(
            f"{place.where}: a {kind} is no ranker; a sequence classifier (…ForSequence"
            "Classification) or a MonoT5 is needed"
        )
    elif config.num_labels not in (1, 2):
        labels = ", ".join(str(label) for label in list(config.id2label.values())[:3])
        raise UserError(
            f"{place.where} has {config.num_labels} logits ({labels}); a ranker has 1 (relevance) "
            "or 2 (non-relevant and relevant)"
        )


def read(kind, place: Place, **options):
    """``from_pretrained`` of the folder, with the reason where it fails."""
    try:
        return from_pretrained(kind, place, **options)
    except MemoryError:
        raise
    except Exception as error:  # each library below raises its own kinds
        raise UserError(
            f"{place.where} cannot be loaded ({reason(error)}); a folder written by "
            "save_pretrained is needed (config.json, model.safetensors, tokenizer.json)"
        ) from error


def from_pretrained(kind, place: Place, **options):
    """``kind.from_pretrained`` of the folder, and whatever it raises.

    Nothing is asked, no code of the folder is run, and transformers' own tables stay out of the
    log: what matters of them is said by those who call this.
    """
    with _quiet():
        return kind.from_pretrained(
            str(place.folder), local_files_only=True, trust_remote_code=False, **options
        )


def refuse_remote_code(place: Place, written: dict) -> None:
    """Raise ``UserError`` for a model or a tokenizer that is code of its own."""
    if code := written.get("auto_map"):
        raise UserError(
            f"{place.where} comes with code of its own (auto_map: {', '.join(map(str, code))}), "
            "which is never run; take one whose classes transformers itself has"
        )


def read_json(place: Place, name: str) -> dict:
    """What the file ``name`` of the folder says. Raises ``UserError`` if that is no JSON."""
    try:
        return dict(json.loads((place.folder / name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{place.where}: {name} cannot be read ({reason(error)}); copy or download it again"
        ) from error


def _written(place: Place) -> dict:
    names = place.names()
    if "adapter_config.json" in names:
        base = read_json(place, "adapter_config.json").get("base_model_name_or_path")
        raise UserError(
            f"{place.where} holds an adapter (adapter_config.json) of {base or 'another model'}; "
            "merge the adapter first (PEFT's merge_and_unload, then save_pretrained), and give the "
            "merged folder"
        )
    if "config.json" in names:
        return read_json(place, "config.json")
    if "modules.json" in names:
        raise UserError(
            f"{place.where} is an embedding model of sentence-transformers (modules.json), which "
            "reads a query and a passage apart; a cross-encoder is needed"
        )
    inside = [name for name in names if (place.folder / name / "config.json").is_file()]
    if inside:
        raise UserError(
            f"{place.where} has no config.json, but folders in it have ({', '.join(inside[:4])}); "
            f"give one of them, as {place.folder / inside[-1]}"
        )
    raise UserError(
        f"{place.where} has no config.json ({shown(names)}); a folder written by save_pretrained "
        "is needed (config.json, model.safetensors, tokenizer.json)"
    )


def _check_written(place: Place, written: dict) -> None:
    """Raise ``UserError`` for what transformers would ask about, guess or fail on."""
    from transformers import __version__
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    refuse_remote_code(place, written)
    kind = written.get("model_type")
    if kind is None:
        raise UserError(
            f'{place.where}: config.json names no model_type; add it, as "model_type": "bert"'
        )
    if str(kind) not in CONFIG_MAPPING:
        raise UserError(
            f"{place.where} is of the kind {kind}, which transformers {__version__} does not know; "
            "a newer transformers may, or take another ranker"
        )
    if quantised := written.get("quantization_config"):
        method = dict(quantised).get("quant_method", "by a method that it does not name")
        raise UserError(
            f"{place.where} is quantised ({method}); take its weights in float32 or a half "
            "precision: neurons of rounded weights are not those of the ranker"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Within the block, transformers shows neither warnings nor progress."""
    from transformers.utils import logging as theirs

    theirs.disable_progress_bar()  # of reading the weights; it would fill the log
    before = theirs.get_verbosity()
    theirs.set_verbosity_error()
    try:
        yield
    finally:
        theirs.set_verbosity(before)
