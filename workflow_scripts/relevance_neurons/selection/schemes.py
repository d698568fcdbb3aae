"""Schemes: named ways to pick neurons, those of the paper (Vast et al. 2024, table 3) and others.

A scheme ranks neurons by the mean of one or several maps (collection, label) and picks the top X %.
Across collections and across labels it either takes the mean of the maps first (fusion), or picks
from each and takes what all have (intersection). Here they are data; SQL does the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import polars as pl

logger = logging.getLogger(__name__)

FAMILIES = {
    "P": ("relevant",),
    "N": ("non_relevant",),
    "F": ("relevant", "non_relevant"),
}
"""The paper's letters: relevant, non-relevant, and the fusion of both."""

JOINT = ("F_all", *(f"{family}_and_{scope}" for family in FAMILIES for scope in ("out", "all")))

PAPER = "paper"
"""The group of all of the paper's schemes."""

Map = tuple[str, str]
"""(collection, label)"""


@dataclass(frozen=True)
class Scheme:
    """A way to pick neurons; every field but ``own`` is a key of the study file.

    ``collections`` are those that have a map of every one of ``labels``. ``rank_by`` is "score" or
    "absolute" (the score without its sign), ``pick`` "top" or "bottom". With ``components`` or
    ``layers`` the scheme picks its X % among the neurons of these alone. ``own``: not the paper's.
    """

    scheme: str
    labels: tuple[str, ...]
    collections: tuple[str, ...]
    across_labels: str = "fusion"
    across_collections: str = "intersection"
    rank_by: str = "score"
    pick: str = "top"
    components: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()
    own: bool = False

    @property
    def is_joint(self) -> bool:
        """Whether it is one of the paper's over several collections."""
        return not self.own and self.scheme in JOINT

    @property
    def group(self) -> str:
        """The schemes that it is selected with: the paper's, or itself alone."""
        return self.scheme if self.own else PAPER

    def as_dict(self) -> dict[str, object]:
        """The fields, with lists for tuples, as SQL and a rule's params take them."""
        return {key: _listed(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, object]) -> Scheme:
        """The inverse of ``as_dict``."""
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})


def paper_schemes(domains: Mapping[str, str], maps: Iterable[Map]) -> list[Scheme]:
    """P_x, N_x, F_x of every collection, their intersections and F_all (Vast et al., table 3).

    ``domains``: attribution collection -> "in" or "out"; ``maps`` are those that the study has. A
    collection without a map of every label of a family is left out of it.
    """
    maps = set(maps)
    used = {
        family: tuple(name for name in domains if {(name, label) for label in labels} <= maps)
        for family, labels in FAMILIES.items()
    }
    schemes = [
        Scheme(f"{family}_{name}", FAMILIES[family], (name,))
        for name in domains
        for family in FAMILIES
        if name in used[family]
    ]
    for scope, allowed in (("out", ("out",)), ("all", ("in", "out"))):
        for family, labels in FAMILIES.items():
            names = tuple(name for name in used[family] if domains[name] in allowed)
            if names:
                schemes.append(Scheme(f"{family}_and_{scope}", labels, names))
    if used["F"]:
        schemes.append(Scheme("F_all", FAMILIES["F"], used["F"], across_collections="fusion"))
    return schemes


def own_schemes(
    given: Mapping[str, Mapping], domains: Mapping[str, str], maps: Iterable[Map]
) -> list[Scheme]:
    """The schemes of ``selection.schemes``; one that no collection has every label of is left out.

    ``given``: name -> keys of the study file with their defaults, ``collections`` being "in",
    "out", "all" or names; ``domains`` and ``maps`` as in ``paper_schemes``.
    """
    maps, schemes = set(maps), []
    for name, keys in given.items():
        scope = keys["collections"]
        named = [one for one in domains if domains[one] == scope or scope == "all"]
        named = named if isinstance(scope, str) else scope
        used = [one for one in named if {(one, label) for label in keys["labels"]} <= maps]
        if used:
            schemes.append(
                Scheme.from_dict({**keys, "scheme": name, "collections": used, "own": True})
            )
    return schemes


def log_schemes(sizes: pl.DataFrame, collections: Iterable[str]) -> None:
    """Log which collections a family leaves out, and which intersections say little or nothing.

    ``sizes``: scheme, top_percent, n_neurons, collections (rows of ``scheme_sizes.sql``).
    """
    used = dict(sizes.select("scheme", "collections").iter_rows())
    for family, needs in (("P", "relevant"), ("N", "non_relevant"), ("F", "map of both labels")):
        left_out = [one for one in collections if f"{family}_{one}" not in used]
        if left_out:
            logger.info("%s schemes leave out %s: no %s", family, ", ".join(left_out), needs)
    for scheme, members in used.items():
        if scheme in JOINT and len(members) < 2:
            # Way out: nothing need be done; it is that collection's own scheme. Attribute a second
            # collection of its domain for an intersection.
            logger.warning("%s is no intersection: its only collection is %s", scheme, members[0])
    for scheme, level in sizes.filter(pl.col("n_neurons") == 0)["scheme", "top_percent"].rows():
        logger.info(
            "%s selects no neuron at %g %%: its maps share none, or it has too few to pick from",
            *(scheme, level),
        )


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
