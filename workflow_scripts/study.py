"""Read a study file for the Snakefile: mistakes in one line each, defaults, absolute paths.

Snakemake's ``validate`` fills the defaults in; this module says what is wrong in a user's words
and checks what a schema cannot (that a collection named is one defined, say).
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from relevance_neurons.selection.schemes import Scheme, own_schemes, paper_schemes

Study = dict[str, Any]
FILES = ("documents", "queries", "qrels")
SOURCE_KEYS = {
    "ir_datasets": {"id"},
    "files": {*FILES, "obtain"},
    "docstrings": {"package", "part", "max_queries", "negatives"},
}
COMMON_KEYS = {"source", "domain", "relevant", "non_relevant"}


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
        raise StudyError(f"{file}: {_describe(errors[0])}")
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
    for message in _contradictions(config, folder):
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


def has_label(study: Study, collection: str, label: str) -> bool:
    """Whether ``collection`` has judgments of ``label``."""
    return bool(study["collections"][collection][label])


def attributed(study: Study) -> list[tuple[str, str]]:
    """The (collection, label) pairs that are attributed, in the order of the study file."""
    return [
        (collection, label)
        for collection in study["attribution"]["collections"]
        for label in study["attribution"]["labels"]
        if has_label(study, collection, label)
    ]


def used_collections(study: Study) -> list[str]:
    """Every collection that some stage reads, in the order of the study file."""
    named = {name for _key, names in _named(study) for name in names}
    return [name for name in study["collections"] if name in named]


def source_settings(study: Study, collection: str) -> dict[str, Any]:
    """The source of a collection and the keys that belong to it."""
    keys = study["collections"][collection]
    return {"source": keys["source"]} | {
        key: value for key, value in keys.items() if key in SOURCE_KEYS[keys["source"]]
    }


def in_domain(study: Study) -> list[str]:
    """The attribution collections whose domain is ``in``."""
    return [
        name
        for name in study["attribution"]["collections"]
        if study["collections"][name]["domain"] == "in"
    ]


def study_schemes(study: Study) -> list[Scheme]:
    """Every scheme of the study: the paper's, then its own."""
    maps = attributed(study)
    names = study["attribution"]["collections"]
    domains = {name: study["collections"][name]["domain"] for name in names}
    own = own_schemes(study["selection"]["schemes"], domains, maps)
    return [*paper_schemes(domains, maps), *own]


def ablated_schemes(study: Study) -> list[str]:
    """The names of ``ablation.schemes``; by default those of Table 4, and the study's own.

    Table 4 holds the schemes of each in-domain collection, or of every one where none is
    in-domain, and those over several collections. An intersection of fewer than two, or of the
    same ones as another, is no scheme of its own.
    """
    if "schemes" in study["ablation"]:
        return study["ablation"]["schemes"]
    inside = in_domain(study) or study["attribution"]["collections"]
    chosen, seen = [], set()
    for one in study_schemes(study):
        what = replace(one, scheme="")
        several = len(one.collections) > 1 and what not in seen
        if one.own or (several if one.is_joint else one.collections[0] in inside):
            chosen.append(one.scheme)
        seen.add(what)
    return chosen


def figure4_scheme(study: Study) -> tuple[str, float]:
    """Scheme and level of Figure 4: the paper's N of the in-domain collection at 1 %.

    P where that collection has no non-relevant judgments; the first attribution collection where
    none is in-domain; the highest level up to 1 % of those that the study selects.
    """
    name = (in_domain(study) or study["attribution"]["collections"])[0]
    kind = "N" if (name, "non_relevant") in attributed(study) else "P"
    levels = study["selection"]["top_percents"]
    return f"{kind}_{name}", max((level for level in levels if level <= 1), default=min(levels))


def _contradictions(config: Study, folder: Path) -> Iterator[str]:
    known, attributed_names = config["collections"], config["attribution"]["collections"]
    for key, names in _named(config):
        for name in names:
            if name not in known:
                yield (
                    f"{key}: collection {name!r} is not defined under collections"
                    f"{_suggestion(name, known)}; defined are {', '.join(known)}"
                )
    among_attributed = {
        "selection.outliers": config["selection"]["outliers"],
        "sensitivity.collections": config["sensitivity"].get("collections", []),
        "sanity.collection": [config["sanity"].get("collection", attributed_names[0])],
    }
    for key, names in among_attributed.items():
        for name in names:
            if name not in attributed_names:
                yield f"{key}: {name!r} is not one of attribution.collections"
    for name, collection in known.items():
        yield from _contradictions_of_collection(name, collection, folder)
    for name in config["attribution"]["collections"]:
        if name in known and name not in dict(attributed(config)):
            yield (
                f"attribution.collections: {name} has judgments of none of the labels "
                f"{', '.join(config['attribution']['labels'])}"
            )
    yield from _contradictions_of_reranker(config["reranker"], folder)
    yield from _contradictions_of_measure(config["ablation"]["measure"])
    yield from _contradictions_of_schemes(config)
    value = config["ablation"]["value"]
    if value in config["ablation"]["further"]:
        yield f"ablation.further: {value!r} is what ablation.value gives already"
    yield from _contradictions_of_paths(config)


def _contradictions_of_paths(config: Study) -> Iterator[str]:
    """Of the study's own rule of the integral and of those of its variants."""
    variants = config["sensitivity"].get("variants", {})
    changes = {f"sensitivity.variants.{name}": keys for name, keys in variants.items()}
    for where, given in ({"attribution": {}} | changes).items():
        keys = config["attribution"] | given
        rule, points = keys["quadrature"], keys["n_points"]
        unused = "n_points" if rule == "adaptive" else "tolerance"
        if unused in given:
            yield f"{where}.{unused}: {given[unused]} was found; {rule} does not use it"
        if rule == "simpson" and points % 2 == 0:
            yield f"{where}.n_points: {points} was found; simpson needs an odd number"


def _contradictions_of_reranker(reranker: dict, folder: Path) -> Iterator[str]:
    named = {"finetune.base": reranker.get("finetune", {}).get("base")} | reranker
    for key in ("model", "tokenizer", "finetune.base"):
        name = named.get(key) or ""
        path = folder / Path(name).expanduser()
        # No hub id has two slashes; a folder of the working directory is not the study file's.
        is_folder = name.startswith((".", "~", "/")) or name.count("/") > 1 or Path(name).is_dir()
        if name and is_folder and not path.is_dir():
            yield f"reranker.{key}: no folder {path}; paths are relative to the study file"


def _contradictions_of_schemes(config: Study) -> Iterator[str]:
    attributed_names = config["attribution"]["collections"]
    if not set(attributed_names) <= set(config["collections"]):
        return  # told already
    found = study_schemes(config)
    paper = {one.scheme for one in found if not one.own}
    own = {one.scheme for one in found if one.own}
    for name, keys in config["selection"]["schemes"].items():
        where = f"selection.schemes.{name}"
        if name in paper:
            yield f"{where}: the paper's schemes have one of this name; give another"
        for one in keys["collections"] if isinstance(keys["collections"], list) else ():
            if one not in attributed_names:
                yield f"{where}.collections: {one!r} is not one of attribution.collections"
            for label in keys["labels"]:
                if one in attributed_names and (one, label) not in attributed(config):
                    yield f"{where}.collections: {one} is not attributed for the label {label}"
        if name not in own:
            yield f"{where}: no collection of {keys['collections']} is attributed for its labels"
    for name in config["ablation"].get("schemes", []):
        if name not in paper | own:
            yield (
                f"ablation.schemes: no scheme {name!r}{_suggestion(name, list(paper | own))}; "
                f"the study has {', '.join(one.scheme for one in found)}"
            )


def _contradictions_of_measure(measure: str) -> Iterator[str]:
    if measure == "nDCG@10":
        return  # looking another one up takes a second
    from relevance_neurons.ablation.measures import parse_measure
    from relevance_neurons.errors import UserError

    try:
        parse_measure(measure)
    except UserError as error:
        yield f"ablation.measure: {error}"


def _contradictions_of_collection(name: str, collection: dict, folder: Path) -> Iterator[str]:
    both = set(collection["relevant"]) & set(collection["non_relevant"])
    if both:
        yield f"collections.{name}: grade {min(both)} is both relevant and non_relevant"
    source = collection["source"]
    for key in FILES if source == "files" else ():
        if "obtain" not in collection and not (folder / collection[key]).is_file():
            yield f"collections.{name}.{key}: no file {folder / collection[key]}"


def _named(config: Study) -> Iterator[tuple[str, list[str]]]:
    """Every key that names collections, with the names."""
    yield "attribution.collections", config["attribution"]["collections"]
    yield "ablation.collections", config["ablation"]["collections"]
    yield "evaluation.collections", config.get("evaluation", {}).get("collections", [])
    if "collection" in config.get("baselines", {}):
        yield "baselines.collection", [config["baselines"]["collection"]]
    if "finetune" in config["reranker"]:
        yield "reranker.finetune.collections", config["reranker"]["finetune"]["collections"]


def _folder_or_id(name: str, folder: Path) -> str:
    """A folder relative to the study file becomes absolute; a hub id stays.

    A path that is no folder does not come here: ``_contradictions_of_reranker`` refuses it.
    """
    path = folder / Path(name).expanduser()
    return str(path.resolve()) if path.is_dir() else name


def _describe(error: ValidationError) -> str:
    """One line for a schema error: key, what was found, what is allowed."""
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        return _describe_unknown(where, error)
    if "propertyNames" in error.absolute_schema_path:
        schema = error.schema if "not" in error.schema else {"not": {"enum": [error.instance]}}
        return (
            f"{where}.{error.instance}: a name here is letters, digits, - and _ (in quotes if it "
            f"is a number), and not {', '.join(map(str, schema['not']['enum']))}"
        )
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"{_join(where, missing)}: is missing"
    if error.validator == "oneOf":
        keys = " or ".join(part["required"][0] for part in error.validator_value)
        return f"{where}: exactly one of {keys} is needed"
    found = f"{error.instance!r} was found" if error.validator != "type" else _found(error)
    return f"{where or 'the file'}: {found}; {_allowed(error)}"


def _describe_unknown(where: str, error: ValidationError) -> str:
    allowed = error.schema.get("properties", {})
    unknown = next(key for key in error.instance if key not in allowed)
    return (
        f"{_join(where, unknown)}: unknown key{_suggestion(unknown, allowed)}; "
        f"allowed are {', '.join(allowed)}"
    )


def _allowed(error: ValidationError) -> str:
    value = error.validator_value
    words = {
        "enum": lambda: f"allowed are {', '.join(map(str, value))}",
        "type": lambda: f"a value of type {value} is needed",
        "minimum": lambda: f"at least {value} is allowed",
        "maximum": lambda: f"at most {value} is allowed",
        "exclusiveMinimum": lambda: f"more than {value} is allowed",
        "exclusiveMaximum": lambda: f"less than {value} is allowed",
        "minItems": lambda: f"at least {value} entry is needed",
        "minProperties": lambda: f"at least {value} entry is needed",
        "minLength": lambda: "an empty text is not allowed",
        "uniqueItems": lambda: "no entry may stand twice",
        "pattern": lambda: "letters, digits, - and _ are allowed, a letter or digit first",
        "anyOf": lambda: f"{' or '.join(map(_alternative, value))} is allowed",
    }
    return words.get(error.validator, lambda: error.message)()


def _alternative(schema: Mapping) -> str:
    """One of several kinds of values that a key may have."""
    if "enum" in schema:
        return ", ".join(schema["enum"])
    kind = {"array": "a list of names", "integer": "a whole number"}[schema["type"]]
    return f"{kind} from {schema['minimum']}" if "minimum" in schema else kind


def _found(error: ValidationError) -> str:
    value = "nothing" if error.instance is None else repr(error.instance)
    return f"{value} was found"


def _suggestion(name: str, known: Mapping | list) -> str:
    close = difflib.get_close_matches(str(name), list(map(str, known)), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else str(key)


if __name__ == "__main__":
    # python -m study FILE prints the study's name: the Makefile asks before it starts Snakemake.
    try:
        print(read_yaml(sys.argv[1])["study"])
    except StudyError as mistake:
        sys.exit(f"Error: {mistake}")
