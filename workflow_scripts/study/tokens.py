"""The section ``tokens`` of a study: its methods, what each reads, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from relevance_neurons.tokens.methods import METHODS, settings_of
from study.contents import Study, attributed

BOTTLENECK = "information_bottleneck"
OF_SECTION = ("beta", "steps", "samples")
"""Keys of the section that a method reads; an entry of ``methods`` does not have them."""


def token_methods(study: Study) -> dict[str, dict[str, Any]]:
    """Name -> method and its settings, of every method of the section in the study's order."""
    keys, given = study["tokens"], _given(study["tokens"]["methods"])
    found = {}
    for name, entry in given.items():
        method = entry.get("method", name)
        known = {key: keys[key] for key in OF_SECTION} | entry
        if entry.get("legacy"):  # as public code does: on its scale β is another
            del known["beta"]
        found[name] = {"method": method} | {
            key: known[key] for key in settings_of(method) if key in known and known[key] != "auto"
        }
    return found


def with_token_defaults(study: Study) -> None:
    """Fill in what depends on other keys, in place."""
    keys = study["tokens"]
    keys.setdefault("collections", _with_relevant_pairs(study))
    keys["methods"] = _given(keys["methods"])


def contradictions_of_tokens(study: Study) -> Iterator[str]:
    """Yield a message for each key of the section that cannot be."""
    keys, there = study["tokens"], _with_relevant_pairs(study)
    if not there:
        yield (
            "tokens: no collection of attribution.collections has relevant pairs; add the label "
            "relevant to attribution.labels, or leave the section out"
        )
    for name in keys.get("collections", []):
        if name in study["collections"] and name not in there:
            yield (
                f"tokens.collections: {name!r} is not attributed for the label relevant; add it to "
                "attribution.collections, or leave it out here"
            )
    for name, entry in _given(keys["methods"]).items():
        where = f"tokens.methods.{name}"
        method = entry.get("method", name)
        if method not in METHODS:
            yield f"{where}.method: is missing; allowed are {', '.join(METHODS)}"
            continue
        for key in sorted(entry.keys() - {"method", *settings_of(method)}):
            yield f"{where}.{key}: {method} does not use it; leave it out"
    yield from _unread(keys)
    rankings = keys["rankings"]
    if rankings["passages"] > rankings["depth"]:
        yield (
            f"tokens.rankings.passages: {rankings['passages']} was found, and only "
            f"{rankings['depth']} are re-ranked; take at most rankings.depth"
        )


def _unread(keys: dict[str, Any]) -> Iterator[str]:
    """What no method of the section reads; a default goes without saying."""
    methods = [entry.get("method", name) for name, entry in _given(keys["methods"]).items()]
    if BOTTLENECK in methods:
        return
    said = {
        "layers": keys["layers"] != "all",
        "layer": "layer" in keys,
        "beta": keys["beta"] != "auto",
    }
    for key in (name for name, is_said in said.items() if is_said):
        yield f"tokens.{key}: no method of tokens.methods but {BOTTLENECK} uses it; leave it out"


def _given(methods: list[str] | dict[str, dict]) -> dict[str, dict]:
    return methods if isinstance(methods, dict) else {name: {} for name in methods}


def _with_relevant_pairs(study: Study) -> list[str]:
    return [name for name, label in attributed(study) if label == "relevant"]
