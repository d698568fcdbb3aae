"""What is selected and re-ranked by one job, so that another study of the same maps repeats little.

A group of schemes is selected at one level by one job, and a batch of them is ablated by one (or by
one for each shard of the passages). Their names carry all that tells them apart: a level or a
scheme that is added makes new jobs, one that goes leaves the others as they are.

A scheme of heads picks the same neurons whatever the level, so it has one alone: the highest.
"""

from __future__ import annotations

from dataclasses import dataclass

from relevance_neurons.selection.ablation_kinds import BOTTOM, PLAIN, RANDOM, UNPRUNED
from relevance_neurons.selection.schemes import Scheme
from study.contents import Study, ablated_schemes, study_schemes

OTHER_END = "bottom."
"""Before the name of a group: the same schemes, each from the other end of its ranking."""
CURVE = "curve."
"""Before the name of a scheme: its batches on a loss curve."""


@dataclass(frozen=True)
class Batch:
    """Schemes whose ablations at a level are one job; ``group`` is the one they are selected in.

    ``kinds`` are those of ablation_kinds beside the value that neurons give, ``draws`` the number
    of each control's. The batch of the whole ranker has none of it.
    """

    name: str
    level: str
    schemes: tuple[str, ...] = ()
    group: str = ""
    kinds: tuple[str, ...] = ()
    draws: int = 0

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group of schemes that it switches off."""
        if not self.group:
            return ()
        return (self.group, OTHER_END + self.group)[: 1 + (BOTTOM in self.kinds)]


WHOLE_RANKER = Batch(UNPRUNED, "0")


def level_name(top_percent: float) -> str:
    """A level as it stands in a file's name: 1 and 1.0 are the same."""
    return repr(float(top_percent)).removesuffix(".0")


def levels(study: Study) -> list[str]:
    """The names of the study's levels."""
    return list(dict.fromkeys(map(level_name, study["selection"]["top_percents"])))


def level_of_heads(study: Study) -> str:
    """The name of the only level at which schemes of heads are selected: the highest."""
    return level_name(max(study["selection"]["top_percents"]))


def levels_of(study: Study, scheme: Scheme) -> list[str]:
    """The names of the study's levels at which a scheme is selected."""
    return [level_of_heads(study)] if scheme.heads else levels(study)


def groups(study: Study) -> dict[str, list[Scheme]]:
    """The schemes that are selected together: the paper's of each method, each of one's own alone.

    Behind them the same from the other end, for those that ask for it; heads have no other end.
    """
    found: dict[str, list[Scheme]] = {}
    for one in study_schemes(study):
        found.setdefault(one.group, []).append(one)
    return found | {
        OTHER_END + name: [one.other_end() for one in some]
        for name, some in found.items()
        if not some[0].heads
    }


def head_groups(study: Study) -> dict[str, Scheme]:
    """The groups of schemes of heads, each of which has one."""
    return {name: some[0] for name, some in groups(study).items() if some[0].heads}


def selections(study: Study) -> list[tuple[str, str]]:
    """The (group, level) whose neurons are in the table of all schemes: at the study's levels."""
    every = [
        (name, level)
        for level in levels(study)
        for name, some in groups(study).items()
        if level in levels_of(study, some[0])
    ]
    asked = {(name, batch.level) for batch in batches(study) for name in batch.groups}
    return [one for one in every if not one[0].startswith(OTHER_END) or one in asked]


def batches(study: Study) -> list[Batch]:
    """The whole ranker, what is ablated together at each level, and what curves need beside it.

    Those of the paper's table 4 are one batch for each method, each scheme of one's own is another;
    schemes that ``ablation.schemes`` names are a batch each, so that the list can change.
    """
    keys, of = study["ablation"], {one.scheme: one for one in study_schemes(study)}
    together: dict[str, list[str]] = {}
    for scheme in ablated_schemes(study):
        alone = "schemes" in keys or of[scheme].own
        together.setdefault(scheme if alone else of[scheme].group, []).append(scheme)
    kinds = (PLAIN, *([RANDOM] if keys["random_draws"] else []), *keys["further"])
    return [
        WHOLE_RANKER,
        *(
            Batch(name, level, tuple(some), of[some[0]].group, kinds, keys["random_draws"])
            for level in levels(study)
            for name, some in together.items()
            if level in levels_of(study, of[some[0]])
        ),
        *curve_batches(study, kinds),
    ]


def curve_levels(study: Study) -> list[str]:
    """The names of the levels of the loss curves; none without curves."""
    curves = study["ablation"].get("curves", {})
    return list(dict.fromkeys(map(level_name, curves.get("top_percents", []))))


def curve_batches(study: Study, done: tuple[str, ...]) -> list[Batch]:
    """What each scheme of a curve needs at each of its levels.

    At a level of the study of an ablated scheme only the kinds that are not ``done`` there.
    """
    curves, of = study["ablation"].get("curves"), {}
    if curves:
        of = {one.scheme: one.group for one in study_schemes(study)}
    found = []
    for scheme in curves["schemes"] if curves else ():
        for level in curve_levels(study):
            there = level in levels(study) and scheme in ablated_schemes(study)
            kinds = [one for one in (PLAIN, *curves["kinds"]) if not (there and one in done)]
            if kinds:
                of_scheme = ((scheme,), of[scheme], tuple(kinds), curves["random_draws"])
                found.append(Batch(CURVE + scheme, level, *of_scheme))
    return found


def batches_on(study: Study, collection: str) -> list[Batch]:
    """Those whose passages are a collection's: curves may be drawn on some of them alone."""
    curves = study["ablation"].get("curves", {})
    on_curves = collection in curves.get("collections", study["ablation"]["collections"])
    return [one for one in batches(study) if on_curves or not one.name.startswith(CURVE)]
