"""The section ``mechanism`` of a study: its defaults, and what cannot be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from study.contents import Study
from study.ranker_shapes import missing_heads, repeated_heads

FINDERS = ("matching_heads", "relevance_heads")
"""Keys that name heads in the place of what a rule would find."""


def with_mechanism_defaults(study: Study, folder: Path) -> None:
    """Fill in, in place, what depends on other keys, and make paths absolute.

    ``folder`` is the study file's. Every collection has relevant grades: the schema sees to it.
    """
    keys = study["mechanism"]
    keys.setdefault("collections", list(study["ablation"]["collections"]))
    for key in ("own_pairs", "wordnet"):
        if key in keys:
            keys[key] = str(_path(folder, keys[key]))


def contradictions_of_mechanism(study: Study, folder: Path) -> Iterator[str]:
    """Yield a message for each key of the section that cannot be.

    ``folder`` is the study file's.
    """
    keys = study["mechanism"]
    if not keys["perturbations"] and "own_pairs" not in keys:
        yield (
            "mechanism.perturbations: is empty, and there are no pairs of your own; name one, or "
            "give own_pairs"
        )
    names = keys.get("collections", study["ablation"]["collections"])
    if not keys["perturbations"] and "own_pairs" in keys and len(names) > 1:
        yield (
            "mechanism.perturbations: is empty, and pairs of your own stand with the first "
            f"collection alone: {names[1]} would have none; name one, or {names[0]} alone in "
            "mechanism.collections"
        )
    yield from _contradictions_of_heads(keys)
    for key in FINDERS:
        yield from missing_heads(keys.get(key, []), study, folder, f"mechanism.{key}")
    if "own_pairs" in keys and not _path(folder, keys["own_pairs"]).is_file():
        yield (
            f"mechanism.own_pairs: no file {_path(folder, keys['own_pairs'])}; paths are relative "
            "to the study file"
        )
    if "wordnet" in keys and not _path(folder, keys["wordnet"]).is_dir():
        yield (
            f"mechanism.wordnet: no folder {_path(folder, keys['wordnet'])}; paths are relative to "
            "the study file"
        )
    if "wordnet" in keys and "STMC1" not in keys["perturbations"]:
        yield (
            "mechanism.wordnet: only STMC1 reads it, which mechanism.perturbations does not have; "
            "leave it out, or add STMC1"
        )
    yield from _contradictions_of_numbers(study)


def _path(folder: Path, name: str) -> Path:
    return folder / Path(name).expanduser()


def _contradictions_of_heads(keys: dict[str, Any]) -> Iterator[str]:
    for key in FINDERS:
        heads = keys.get(key, [])
        for head in heads:
            if len(head) != 2:
                yield f"mechanism.{key}: {head} was found; a head is [layer, head], both from 0"
        yield from repeated_heads(heads, f"mechanism.{key}")


def _contradictions_of_numbers(study: Study) -> Iterator[str]:
    """What is too few to say anything with, or says nothing."""
    keys, significance = study["mechanism"], study["ablation"]["significance"]
    least = math.ceil(1 / significance - 1 - 1e-9)
    drawn = {"nulls.shuffles": keys["nulls"]["shuffles"]}
    drawn |= {f"idf.{name}": keys["idf"][name] for name in ("permutations", "directions")}
    for name, number in drawn.items():
        if number < least:
            yield (
                f"mechanism.{name}: {number} was found; with fewer than {least} no p-value can "
                f"fall to {significance}, ablation.significance; take at least {least}"
            )
    if 0 in keys["idf"]["doses"]:
        yield "mechanism.idf.doses: 0 was found, which changes nothing; leave it out"
    folds, queries = keys["folds"], keys["rankings"]["queries"]
    if folds > queries:
        yield (
            f"mechanism.folds: {folds} was found, and rankings.queries is {queries}: a fold needs "
            "a query; take fewer folds"
        )
