"""Read a study file for the Snakefile: mistakes in one line each, defaults, absolute paths.

Snakemake's ``validate`` fills the defaults in; here is said what is wrong in a user's words
(messages.py), also what a schema cannot see (contradictions.py).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from study.command_line import given_keys, merged
from study.contents import COMMON_KEYS, FILES, SOURCE_KEYS, Study
from study.contradictions import contradictions
from study.errors import StudyError
from study.head_schemes import check_keys_of_heads, without_defaults
from study.mechanism import with_mechanism_defaults
from study.messages import describe
from study.plain_yaml import parse
from study.tokens import with_token_defaults


def read_yaml(file: str | Path) -> Study:
    """A study file as it stands. Raises ``StudyError`` with the line where it is not right YAML."""
    try:
        study = parse(_read_text(Path(file)))
    except StudyError as error:
        raise StudyError(f"{file}: {error}") from None
    if not isinstance(study, dict):
        kind = {list: "a list", type(None): "nothing"}.get(type(study), "a single value")
        raise StudyError(f"{file}: {kind} was found; a study has keys: study: NAME, reranker: …")
    if "study" not in study:
        raise StudyError(f"{file}: study: is missing; give the study a name, as in config.yaml")
    return study


def study_name(file: str | Path) -> str:
    """The name of the study in a file. Raises ``StudyError`` where it cannot be a folder's."""
    name = read_yaml(file)["study"]
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        quotes = f": write '{name}' in quotes" if isinstance(name, int | float) else ""
        raise StudyError(
            f"{file}: study: {name!r} was found; a text of letters, digits, - and _ is needed, a "
            f"letter or digit first{quotes}"
        )
    return name


def _read_text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise StudyError("no such file; name a study file, such as config.yaml") from None
    except IsADirectoryError:
        raise StudyError("this is a folder; name the study file in it") from None
    except OSError as error:
        raise StudyError(f"it cannot be read ({error.strerror}); see its permissions") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise StudyError("the file is UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyError(
            f"line {line}: byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None


def read_study(file: str | Path, schema: str | Path, entries: Sequence[str] = ()) -> Study:
    """The whole study: ``file``, what ``--config`` says in its place, and the defaults.

    Raises ``StudyError``, which names ``--config`` where the file alone does not have the mistake.
    """
    alone, given = read_yaml(file), given_keys(entries)
    try:
        return checked_study(merged(alone, given), schema, file)
    except StudyError as error:
        if not given or str(error) == _mistake(alone, schema, file):
            raise
        message = str(error).removeprefix(f"{file}: ")
        raise StudyError(f"--config: {message}") from None


def checked_study(study: Study, schema: str | Path, file: str | Path) -> Study:
    """A study with its defaults, as it would stand in ``file``. Raises ``StudyError``."""
    from snakemake.utils import validate

    check_schema(study, schema, file)
    validate(study, str(schema))
    return complete_study(study, file)


def _mistake(study: Study, schema: str | Path, file: str | Path) -> str | None:
    try:
        checked_study(study, schema, file)
    except StudyError as error:
        return str(error)
    return None


def check_schema(config: Study, schema: str | Path, file: str | Path) -> None:
    """Raise ``StudyError`` for the first key that does not fit the schema."""
    validator = Draft202012Validator(yaml.safe_load(Path(schema).read_text(encoding="utf-8")))
    errors = sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path)))
    if errors:
        raise StudyError(f"{file}: {describe(errors[0])}")
    for name, collection in config["collections"].items():
        allowed = COMMON_KEYS | SOURCE_KEYS[collection["source"]]
        for key in sorted(collection.keys() - allowed):
            raise StudyError(
                f"{file}: collections.{name}.{key}: is no key of source {collection['source']}; "
                f"allowed are {', '.join(sorted(allowed))}"
            )
    check_keys_of_heads(config, file)


def complete_study(config: Study, file: str | Path) -> Study:
    """The study with its defaults that depend on other keys, and with absolute paths.

    ``config`` has passed the schema and carries its defaults. Raises ``StudyError`` where keys
    contradict each other or a file is missing.
    """
    folder = Path(file).resolve().parent
    without_defaults(config)
    for message in contradictions(config, folder):
        raise StudyError(f"{file}: {message}")
    attribution, ablation = config["attribution"], config["ablation"]
    config["baselines"].setdefault("collection", attribution["collections"][0])
    config["evaluation"].setdefault("collections", ablation["collections"])
    config["evaluation"].setdefault("max_queries", ablation["max_queries"])
    config["sensitivity"].setdefault("collections", attribution["collections"])
    if "curves" in ablation:
        ablation["curves"].setdefault("collections", ablation["collections"])
    config["sanity"].setdefault("collection", attribution["collections"][0])
    if "tokens" in config:
        with_token_defaults(config)
    if "mechanism" in config:
        with_mechanism_defaults(config, folder)
    for collection in config["collections"].values():
        for key in collection.keys() - COMMON_KEYS - SOURCE_KEYS[collection["source"]]:
            del collection[key]  # a default that belongs to another source
        if collection["source"] == "files":
            collection.update({key: str(folder / collection[key]) for key in FILES})
        if "run" in collection:
            collection["run"] = str(folder / collection["run"])
    for key in ("model", "tokenizer"):
        if key in config["reranker"]:
            config["reranker"][key] = _folder_or_id(config["reranker"][key], folder)
    if "finetune" in config["reranker"]:
        finetune = config["reranker"]["finetune"]
        finetune["base"] = _folder_or_id(finetune["base"], folder)
    return {key: _sorted(value, key) for key, value in config.items()}


IN_ORDER = ("collections", "methods")
"""Keys whose own keys are in an order that means something."""


def _sorted(value: Any, name: str) -> Any:
    """``value`` of the key ``name`` with the keys of its mappings sorted, but for ``IN_ORDER``.

    A study whose keys stand in another order is the same study: nothing of it runs again.
    """
    if not isinstance(value, dict):
        return value
    keys = value if name in IN_ORDER else sorted(value)
    return {key: _sorted(value[key], key) for key in keys}


def _folder_or_id(name: str, folder: Path) -> str:
    """A folder relative to the study file becomes absolute; a hub id stays.

    A path that is no folder does not come here: contradictions.py refuses it.
    """
    path = folder / Path(name).expanduser()
    return str(path.resolve()) if path.is_dir() else name
