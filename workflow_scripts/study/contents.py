"""What a study names: collections, maps that are attributed, schemes and those of ablations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from relevance_neurons.attribution.methods import DIFFERENCE
from relevance_neurons.selection.schemes import Scheme, own_schemes, paper_schemes
from study.methods import (
    at_method,
    given_methods,
    is_within_query,
    method_settings,
    own_method,
)

Study = dict[str, Any]
FILES = ("documents", "queries", "qrels")
SOURCE_KEYS = {
    "ir_datasets": {"id", "on_dangling"},
    "files": {*FILES, "obtain", "on_dangling"},
    "docstrings": {"package", "part", "max_queries", "negatives"},
}
COMMON_KEYS = {
    "source",
    "domain",
    "relevant",
    "non_relevant",
    "scale",
    "own_document",
    "language",
    "run",
}


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


class Map(NamedTuple):
    """The scores of every neuron by a method; ``at_method`` is empty for the study's own."""

    collection: str
    label: str
    at_method: str
    method: str

    @property
    def path(self) -> str:
        """Its files' names, below the folder of their kind and without an ending."""
        return f"{self.collection}/{self.label}{self.at_method}"


def maps(study: Study) -> list[Map]:
    """Every map of the study, those of its own method first."""
    return [
        Map(collection, label, at_method(study, name), name)
        for name in given_methods(study)
        for collection, label in maps_of(study, name)
    ]


def maps_of(study: Study, name: str) -> list[tuple[str, str]]:
    """The (collection, label) of a method's maps."""
    if not is_within_query(method_settings(study, name)):
        return attributed(study)
    return [
        (collection, DIFFERENCE)
        for collection in study["attribution"]["collections"]
        if has_both(study, collection, method_settings(study, name)["passages"])
    ]


def has_both(study: Study, collection: str, passages: str) -> bool:
    """Whether its queries have relevant passages and others: in a pool always."""
    return passages == "pool" or has_label(study, collection, "non_relevant")


def used_collections(study: Study) -> list[str]:
    """Every collection that some stage reads, in the order of the study file."""
    named = {name for _key, names in named_collections(study) for name in names}
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
    """Every scheme of the study: the paper's of each method, then its own."""
    names = study["attribution"]["collections"]
    domains = {name: study["collections"][name]["domain"] for name in names}
    of_method = {name: maps_of(study, name) for name in given_methods(study)}
    default = [own_method(study)]
    given = {
        name: keys | ({} if "heads" in keys else {"methods": keys.get("methods", default)})
        for name, keys in study["selection"]["schemes"].items()
    }
    return [
        one
        for name, own_maps in of_method.items()
        for one in paper_schemes(domains, own_maps, name, at_method(study, name))
    ] + own_schemes(given, domains, of_method)


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


def named_collections(config: Study) -> Iterator[tuple[str, list[str]]]:
    """Every key that names collections, with the names."""
    yield "attribution.collections", config["attribution"]["collections"]
    yield "ablation.collections", config["ablation"]["collections"]
    curves = config["ablation"].get("curves", {})
    yield "ablation.curves.collections", curves.get("collections", [])
    yield "evaluation.collections", config.get("evaluation", {}).get("collections", [])
    for section in ("tokens", "mechanism"):
        yield f"{section}.collections", config.get(section, {}).get("collections", [])
    if "collection" in config.get("baselines", {}):
        yield "baselines.collection", [config["baselines"]["collection"]]
    if "finetune" in config["reranker"]:
        yield "reranker.finetune.collections", config["reranker"]["finetune"]["collections"]
