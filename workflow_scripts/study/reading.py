"""Read a study file for the Snakefile: mistakes in one line each, defaults, absolute paths.

Snakemake's ``validate`` fills the defaults in; here is said what is wrong in a user's words
(messages.py), also what a schema cannot see (contradictions.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from study.contents import COMMON_KEYS, FILES, SOURCE_KEYS, Study
from study.contradictions import contradictions
from study.messages import describe


class StudyError(Exception):
    """A mistake in a study file; its message is one line that names file and key."""


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which no key stands twice: the first of the two would be lost."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                line = node.value[number][0].start_mark.line + 1
                raise StudyError(f"line {line}: key {key!r} is there already")
        return super().construct_mapping(node, deep)


def read_yaml(file: str | Path) -> Study:
    """A study file as it stands. Raises ``StudyError`` with the line where it is not right YAML."""
    try:
        study = yaml.load(Path(file).read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except StudyError as error:
        raise StudyError(f"{file}: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark or error.context_mark).line + 1
        raise StudyError(f"{file}: line {line}: {error.problem}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{file}: no study file can be read here ({error})") from None
    if not isinstance(study, dict) or "study" not in study:
        raise StudyError(f"{file}: study: is missing")
    return study


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


def complete_study(config: Study, file: str | Path) -> Study:
    """The study with its defaults that depend on other keys, and with absolute paths.

    ``config`` has passed the schema and carries its defaults. Raises ``StudyError`` where keys
    contradict each other or a file is missing.
    """
    folder = Path(file).resolve().parent
    for message in contradictions(config, folder):
        raise StudyError(f"{file}: {message}")
    attribution, ablation = config["attribution"], config["ablation"]
    config["baselines"].setdefault("collection", attribution["collections"][0])
    config["evaluation"].setdefault("collections", ablation["collections"])
    config["evaluation"].setdefault("max_queries", ablation["max_queries"])
    config["sensitivity"].setdefault("collections", attribution["collections"])
    config["sanity"].setdefault("collection", attribution["collections"][0])
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
    return {key: _sorted(value, keep=key == "collections") for key, value in config.items()}


def _sorted(value: Any, keep: bool = False) -> Any:
    """``value`` with the keys of its mappings sorted; ``keep`` leaves the outermost as they are.

    A study whose keys stand in another order is the same study: nothing of it runs again.
    """
    if not isinstance(value, dict):
        return value
    keys = value if keep else sorted(value)
    return {key: _sorted(value[key]) for key in keys}


def _folder_or_id(name: str, folder: Path) -> str:
    """A folder relative to the study file becomes absolute; a hub id stays.

    A path that is no folder does not come here: contradictions.py refuses it.
    """
    path = folder / Path(name).expanduser()
    return str(path.resolve()) if path.is_dir() else name
