"""Schemes: named ways to pick neurons, those of the paper (Vast et al. 2024, table 3) and others.

A scheme ranks neurons by the mean of one or several maps (collection, label, method) and picks the
top X %. Across collections and across labels it either takes the mean of the maps first (fusion),
or picks from each and takes what all have (intersection); across methods, whose scores have no unit
in common, always the intersection. Here they are data; SQL does the rest.

A scheme of heads ranks nothing: it picks the value neurons of attention heads, whole, which
switched off at zero make the heads' outputs zero (attention weights sum to one).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from relevance_neurons.selection.ablation_kinds import BOTTOM, OF_METHOD, named

logger = logging.getLogger(__name__)

FAMILIES = {
    "P": ("relevant",),
    "N": ("non_relevant",),
    "F": ("relevant", "non_relevant"),
    "D": ("difference",),
}
"""The paper's letters, relevant, non-relevant and the fusion of both; and D, the maps of targets
within a query (``attribution.methods.WITHIN_QUERY``)."""

FUSED = ("F", "D")
"""Families with a scheme of the mean over all collections, as the paper's F_all."""

JOINT = (
    *(f"{family}_all" for family in FUSED),
    *(f"{family}_and_{scope}" for family in FAMILIES for scope in ("out", "all")),
)

KINDS_OF_HEADS = ("matching", "relevance")
"""Heads that the stage mechanism finds, which a scheme of heads may take instead of naming its."""

PAPER = "paper"
"""The group of all of the paper's schemes of one method."""

Map = tuple[str, str]
"""(collection, label)"""


@dataclass(frozen=True)
class Scheme:
    """A way to pick neurons; every field but ``own`` is a key of the study file.

    ``collections`` are those that have a map of every one of ``labels`` by each of ``methods``.
    ``rank_by`` is "score" or "absolute" (the score without its sign), ``pick`` "top" or "bottom".
    With ``components`` or ``layers`` the scheme picks its X % among the neurons of these alone.
    ``own``: not the paper's. ``heads``: (layer, head) both from 0, or one of ``KINDS_OF_HEADS``; a
    scheme of heads has nothing of all the others: no labels, collections or methods.
    """

    scheme: str
    labels: tuple[str, ...]
    collections: tuple[str, ...]
    methods: tuple[str, ...] = ("neuron_integrated_gradients",)
    across_labels: str = "fusion"
    across_collections: str = "intersection"
    rank_by: str = "score"
    pick: str = "top"
    components: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()
    own: bool = False
    heads: str | tuple[tuple[int, int], ...] = ()

    @property
    def is_joint(self) -> bool:
        """Whether it is one of the paper's over several collections."""
        return not self.own and self.scheme.partition(OF_METHOD)[0] in JOINT

    @property
    def group(self) -> str:
        """The schemes that it is selected with: the paper's of its method, or itself alone."""
        return self.scheme if self.own else PAPER + "".join(self.scheme.partition(OF_METHOD)[1:])

    def other_end(self) -> Scheme:
        """As many neurons from the other end of its ranking, for the ablation kind ``bottom``."""
        pick = "top" if self.pick == "bottom" else "bottom"
        return replace(self, scheme=named(BOTTOM, self.scheme), pick=pick)

    def as_dict(self) -> dict[str, object]:
        """The fields, with lists for tuples, as SQL and a rule's params take them.

        Without ``heads`` where there are none: what is told of the other schemes stays as it was.
        """
        fields = {key: _listed(value) for key, value in asdict(self).items()}
        return fields if self.heads else {k: v for k, v in fields.items() if k != "heads"}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Scheme:
        """The inverse of ``as_dict``."""
        return cls(**{key: _tupled(value) for key, value in fields.items()})


def paper_schemes(
    domains: Mapping[str, str],
    maps: Iterable[Map],
    method: str = "neuron_integrated_gradients",
    suffix: str = "",
) -> list[Scheme]:
    """P_x, N_x, F_x of every collection, their intersections and F_all (Vast et al., table 3).

    ``domains``: attribution collection -> "in" or "out"; ``maps`` are those that the study has by
    ``method``, which a ``suffix`` names where it is not the study's own. A collection without a map
    of every label of a family is left out of it. Maps of the label difference have D_x, D_and_out,
    D_and_all and D_all alike.
    """
    maps = set(maps)
    used = {
        family: tuple(name for name in domains if {(name, label) for label in labels} <= maps)
        for family, labels in FAMILIES.items()
    }

    def scheme(name: str, family: str, collections: tuple[str, ...], **more: Any) -> Scheme:
        return Scheme(name + suffix, FAMILIES[family], collections, (method,), **more)

    schemes = [
        scheme(f"{family}_{name}", family, (name,))
        for name in domains
        for family in FAMILIES
        if name in used[family]
    ]
    for scope, allowed in (("out", ("out",)), ("all", ("in", "out"))):
        for family in FAMILIES:
            names = tuple(name for name in used[family] if domains[name] in allowed)
            if names:
                schemes.append(scheme(f"{family}_and_{scope}", family, names))
    for family in FUSED:
        if used[family]:
            name, over = f"{family}_all", used[family]
            schemes.append(scheme(name, family, over, across_collections="fusion"))
    return schemes


def own_schemes(
    given: Mapping[str, Mapping],
    domains: Mapping[str, str],
    maps: Mapping[str, Iterable[Map]],
) -> list[Scheme]:
    """The schemes of ``selection.schemes``; one that no collection has every map of is left out.

    ``given``: name -> keys of the study file with their defaults, ``collections`` being "in",
    "out", "all" or names, ``methods`` names, or ``heads`` alone; ``domains`` as in
    ``paper_schemes``, ``maps`` those of each method.
    """
    schemes = []
    for name, keys in given.items():
        if "heads" in keys:
            schemes.append(of_heads(name, keys["heads"]))
            continue
        scope = keys["collections"]
        named = [one for one in domains if domains[one] == scope or scope == "all"]
        named = named if isinstance(scope, str) else scope
        there = set.intersection(*(set(maps.get(method, ())) for method in keys["methods"]))
        used = [one for one in named if {(one, label) for label in keys["labels"]} <= there]
        if used:
            schemes.append(
                Scheme.from_dict(
                    {key: value for key, value in keys.items() if key != "across_methods"}
                    | {"scheme": name, "collections": used, "own": True}
                )
            )
    return schemes


def of_heads(name: str, heads: str | Iterable[Iterable[int]]) -> Scheme:
    """The scheme of ``heads``: (layer, head) pairs, or one of ``KINDS_OF_HEADS``."""
    named = heads if isinstance(heads, str) else tuple((layer, head) for layer, head in heads)
    return Scheme(name, (), (), methods=(), own=True, heads=named)


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
            # collection of its domain for an intersection, or a mean, of several.
            logger.warning("%s is of one collection alone, %s: nothing to join", scheme, members[0])
    for scheme, level in sizes.filter(pl.col("n_neurons") == 0)["scheme", "top_percent"].rows():
        if not used[scheme]:  # rests on no map
            logger.info("%s selects no neuron: there are no such heads", scheme)
            continue
        logger.info(
            "%s selects no neuron at %g %%: its maps share none, or it has too few to pick from",
            *(scheme, level),
        )


def _listed(value: object) -> object:
    return list(map(_listed, value)) if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, list) else value
