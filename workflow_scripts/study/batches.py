"""What is selected and re-ranked by one job, so that another study of the same maps repeats little.

A group of schemes is selected at one level by one job, and a batch of them is ablated by one (or by
one for each shard of the passages). Their names carry all that tells them apart: a level or a
scheme that is added makes new jobs, one that goes leaves the others as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from relevance_neurons.selection.ablation_kinds import UNPRUNED
from relevance_neurons.selection.schemes import PAPER, Scheme
from study.contents import Study, ablated_schemes, study_schemes


@dataclass(frozen=True)
class Batch:
    """Schemes whose ablations at a level are one job; ``group`` is the one they are selected in.

    The batch of the whole ranker has neither.
    """

    name: str
    level: str
    schemes: tuple[str, ...] = ()
    group: str = ""


WHOLE_RANKER = Batch(UNPRUNED, "0")


def level_name(top_percent: float) -> str:
    """A level as it stands in a file's name: 1 and 1.0 are the same."""
    return repr(float(top_percent)).removesuffix(".0")


def levels(study: Study) -> list[str]:
    """The names of the study's levels."""
    return list(dict.fromkeys(map(level_name, study["selection"]["top_percents"])))


def groups(study: Study) -> dict[str, list[Scheme]]:
    """The schemes that are selected together: the paper's, and each of one's own by itself."""
    found: dict[str, list[Scheme]] = {}
    for one in study_schemes(study):
        found.setdefault(one.group, []).append(one)
    return found


def batches(study: Study) -> list[Batch]:
    """The whole ranker, then what is ablated together at each level.

    Those of the paper's table 4 are one batch, each scheme of one's own is another; schemes that
    ``ablation.schemes`` names are a batch each, so that the list can change.
    """
    of = {one.scheme: one.group for one in study_schemes(study)}
    together: dict[str, list[str]] = {}
    for scheme in ablated_schemes(study):
        alone = "schemes" in study["ablation"] or of[scheme] != PAPER
        together.setdefault(scheme if alone else PAPER, []).append(scheme)
    return [WHOLE_RANKER] + [
        Batch(name, level, tuple(schemes), of[schemes[0]])
        for level in levels(study)
        for name, schemes in together.items()
    ]
