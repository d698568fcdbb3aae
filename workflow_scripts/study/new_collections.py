"""The collections of a new study: from what is given or asked, looked at before they are taken."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from relevance_neurons.collections.grades import misfit
from relevance_neurons.collections.ids import Ids
from relevance_neurons.collections.user_files import read_judgments, read_texts
from relevance_neurons.errors import UserError
from study.contents import COMMON_KEYS, FILES, SOURCE_KEYS
from study.errors import StudyError
from study.messages import suggestion
from study.plain_yaml import parse
from study.questions import ask

FIRST_LINES = 100
"""Of a file of texts, that are looked at; the job reads the others."""
_NAMES = {
    "documents": ("documents", "docs", "corpus"),
    "queries": ("queries",),
    "qrels": ("qrels",),
}
_ENDINGS = dict.fromkeys(("documents", "queries"), (".tsv", ".csv", ".jsonl"))
_ENDINGS["qrels"] = (".txt", ".tsv", ".qrels", "")
_NEEDED = {"ir_datasets": ("id",), "files": FILES, "docstrings": ("package",)}
Keys = dict[str, Any]


def ask_for_collections(folder: Path, can_ask: bool) -> dict[str, Keys]:
    """Collections until an empty answer, at least one."""
    chosen: dict[str, Keys] = {}
    what = (
        "A collection, NAME=WHAT (a folder with documents, queries and qrels; docstrings:PACKAGE; "
        "an ir_datasets id)"
    )
    while answer := ask(what, "--collection", can_ask, "" if chosen else None):
        try:
            name, keys = collection_of(answer, folder, can_ask)
        except UserError as error:
            print(f"  {error}", file=sys.stderr)
            continue
        chosen[name] = keys
        what = "Another collection (nothing: no more)"
    return chosen


def collection_of(given: str, folder: Path, can_ask: bool) -> tuple[str, Keys]:
    """Name and keys of a collection that is given as NAME=WHAT; ``folder``: the study file's.

    WHAT: a folder with documents (docs, corpus), queries and qrels; docstrings:PACKAGE; the keys
    of a study file in braces; else an ir_datasets id. Grades are asked for, or taken: 1 and above
    are relevant. Raises ``UserError`` for a name or source that cannot be, a file that is missing
    or whose first lines are wrong, and grades that cannot be right.
    """
    name, equals, what = (part.strip() for part in given.partition("="))
    if not equals or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name) or not what:
        raise UserError(
            f"--collection: {given!r} was found; NAME=WHAT is needed, the name of letters, digits, "
            "- and _"
        )
    keys = _keys(name, what)
    counts = _look_at(name, keys)
    if "relevant" not in keys and counts:
        keys = _grades(name, counts, can_ask) | keys  # what is given stays
    keys.setdefault("domain", "out")
    problem = misfit(
        keys.get("relevant", [1]), keys.get("non_relevant", [0]), keys.get("scale", "rising")
    )
    if problem:
        raise UserError(f"--collection {name}: {problem}")
    for key in (*FILES, "run"):
        if key in keys and not Path(keys[key]).is_absolute():
            keys[key] = os.path.relpath(keys[key], folder)
    return name, keys


def _keys(name: str, what: str) -> Keys:
    if what.startswith("{"):
        try:
            keys = parse(what)
        except StudyError as error:
            raise UserError(f"--collection {name}: {error}") from None
        _check_keys(name, keys)
        return keys
    if what.startswith("docstrings:"):
        return {"source": "docstrings", "package": what.removeprefix("docstrings:")}
    if Path(what).expanduser().is_dir():
        return {"source": "files"} | _files(name, Path(what).expanduser())
    return {"source": "ir_datasets", "id": what}


def _check_keys(name: str, keys: Any) -> None:
    """Raise ``UserError`` where keys are not those of a source, or one that it needs is missing."""
    source = keys.get("source") if isinstance(keys, dict) else None
    if source not in _NEEDED:
        raise UserError(
            f"--collection {name}: source: {source!r} was found; allowed are {', '.join(_NEEDED)}"
        )
    allowed = COMMON_KEYS | SOURCE_KEYS[source]
    unknown = [key for key in keys if key not in allowed]
    if unknown:
        raise UserError(
            f"--collection {name}: {unknown[0]}: is no key of source {source}"
            f"{suggestion(unknown[0], list(allowed))}; allowed are {', '.join(sorted(allowed))}"
        )
    if missing := [key for key in _NEEDED[source] if key not in keys]:
        raise UserError(f"--collection {name}: {missing[0]} is missing; source {source} needs it")


def _files(name: str, folder: Path) -> Keys:
    found = {}
    for key, names in _NAMES.items():
        tried = [folder / f"{one}{end}" for one in names for end in _ENDINGS[key]]
        tried += [Path(f"{path}.gz") for path in tried]
        there = next((path for path in tried if path.is_file()), None)
        if there is None:
            raise UserError(
                f"--collection {name}: no {key} in {folder}; files of these names are looked for: "
                f"{', '.join(one.name for one in tried)}"
            )
        found[key] = str(there)
    return found


def _look_at(name: str, keys: Keys) -> dict[int, int]:
    """How often each grade occurs, after a look at where the collection comes from."""
    if keys["source"] == "files":
        for key, kind in (("documents", "document"), ("queries", "query")):
            for _ in islice(read_texts(keys[key], kind, Ids()), FIRST_LINES):
                pass
        return dict(Counter(grade for *_, grade in read_judgments(keys["qrels"])))
    if keys["source"] == "ir_datasets":
        return _counted_by_catalogue(name, keys)
    from relevance_neurons.collections.sources import open_dataset

    open_dataset(keys["source"], keys | {"max_queries": 1}, seed=0)
    return {1: 1, 0: 1}


def _counted_by_catalogue(name: str, keys: Keys) -> dict[int, int]:
    from relevance_neurons.collections.sources import open_dataset

    open_dataset("ir_datasets", keys, seed=0)
    import ir_datasets

    fields = ir_datasets.load(keys["id"]).metadata().get("qrels", {}).get("fields", {})
    counted = fields.get("relevance", {}).get("counts_by_value", {})
    return {int(grade): n for grade, n in counted.items()}


def _grades(name: str, counts: dict[int, int], can_ask: bool) -> Keys:
    """Which of the grades that occur are relevant, and which non-relevant."""
    told = ", ".join(f"{grade} ({n:,})" for grade, n in sorted(counts.items()))
    print(f"{name}: grades {told}", file=sys.stderr)
    relevant = [grade for grade in sorted(counts) if grade >= 1] or [1]
    if can_ask:
        relevant = _numbers(name, "Which grades are relevant", relevant)
    others = [grade for grade in sorted(counts) if grade not in relevant]
    if can_ask and others:
        others = _numbers(name, "Which are non-relevant (- for none)", others)
    return {"relevant": relevant, "non_relevant": others}


def _numbers(name: str, question: str, default: list[int]) -> list[int]:
    while True:
        shown = " ".join(map(str, default)) or "-"
        answer = ask(f"{name}: {question}", "--collection NAME={…}", True, shown)
        if answer == "-":
            return []
        words = answer.replace(",", " ").split()
        if all(re.fullmatch(r"-?[0-9]{1,9}", word) for word in words):
            return [int(word) for word in words]
        print(f"  {answer!r} was found; whole numbers are needed", file=sys.stderr)
