"""The methods of scoring neurons that a study has side by side, and what each of them reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from relevance_neurons.attribution.methods import DEFAULTS, METHODS, WITHIN_QUERY, settings_of

SCREEN = {name: DEFAULTS[name] for name in ("screen_percent", "screen_sample")}

Study = dict[str, Any]


def given_methods(study: Study) -> dict[str, dict[str, Any]]:
    """The entries of ``attribution.methods`` by name; without that key the one of ``method``."""
    keys = study["attribution"]
    name = keys.get("method", "neuron_integrated_gradients")
    return keys.get("methods", {name: {}})


def method_settings(study: Study, name: str, **changes: Any) -> dict[str, Any]:
    """The method of this name with what it reads; what its entry leaves out is attribution's.

    ``changes``: keys that differ, of a variant.
    """
    keys = SCREEN | study["attribution"] | given_methods(study)[name] | changes
    method = given_methods(study)[name].get("method", name)
    read = [key for key in settings_of(method, keys["quadrature"]) if key in keys]
    found = {"method": method} | {key: keys[key] for key in read}
    if found.get("target") in WITHIN_QUERY:
        found["passages"] = keys.get("passages", "judged")
    return found


def own_method(study: Study) -> str:
    """The name of the study's own method: the first."""
    return next(iter(given_methods(study)))


def at_method(study: Study, name: str) -> str:
    """What files of the method's maps and its schemes have behind their names."""
    return "" if name == own_method(study) else f"@{name}"


def is_within_query(settings: dict[str, Any]) -> bool:
    """Whether a method's target is about differences within a query."""
    return settings.get("target") in WITHIN_QUERY


def contradictions_of_methods(study: Study) -> Iterator[str]:
    """Yield a message for each key of ``attribution.methods`` that cannot be."""
    keys, given = study["attribution"], given_methods(study)
    if "method" in keys and "methods" in keys:
        yield (
            "attribution.method: the first of attribution.methods is the study's own; leave "
            "method out"
        )
    for name, entry in given.items():
        where = f"attribution.methods.{name}"
        if "method" not in entry and name not in METHODS:
            yield f"{where}.method: is missing; allowed are {', '.join(METHODS)}"
            continue
        settings = method_settings(study, name)
        read = {"method", *settings}
        if "quadrature" in settings:
            read |= {"tolerance", "n_points"}  # of which one: contradictions.py
        for key in entry.keys() - read:
            yield f"{where}.{key}: {settings['method']} does not use it; leave it out"
        yield from _contradictions_of_target(study, where, settings, name == own_method(study))
        yield from _contradictions_of_screen(study, where, settings, name)


def _contradictions_of_target(
    study: Study, where: str, settings: dict[str, Any], own: bool
) -> Iterator[str]:
    if not is_within_query(settings):
        return
    target = settings["target"]
    if own:
        yield (
            f"{where}.target: {target} has no map of each label, which the study's own method "
            "needs; put another method first"
        )
    if settings["method"] == "single_ablation":
        yield f"{where}.target: {target} is for methods with a gradient; take another target"
    if settings["passages"] == "judged" and len(study["attribution"]["labels"]) < 2:
        yield (
            f"{where}.target: {target} needs judged pairs of both labels; add the other to "
            "attribution.labels, or take passages: pool"
        )


def _contradictions_of_screen(
    study: Study, where: str, settings: dict[str, Any], name: str
) -> Iterator[str]:
    if settings["method"] != "single_ablation":
        return
    others = [
        other
        for other in given_methods(study)
        if other != name and not is_within_query(method_settings(study, other))
    ]
    if settings.get("screen") not in others:
        found = repr(settings["screen"]) if "screen" in settings else "nothing"
        yield (
            f"{where}.screen: {found} was found; the name of another method with a map of each "
            f"label is needed{': ' + ', '.join(others) if others else ''}"
        )
