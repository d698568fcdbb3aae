"""Schemes of heads among ``selection.schemes``: what a schema cannot see of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from relevance_neurons.selection.ablation_kinds import BOTTOM
from relevance_neurons.selection.schemes import KINDS_OF_HEADS
from study.contents import Study, ablated_schemes
from study.errors import StudyError
from study.ranker_shapes import missing_heads, repeated_heads

HEADS = "heads"


def head_schemes(study: Study) -> dict[str, str | list[list[int]]]:
    """Name -> heads of every scheme of heads, in the order of the study file."""
    schemes = study["selection"]["schemes"]
    return {name: keys[HEADS] for name, keys in schemes.items() if HEADS in keys}


def check_keys_of_heads(study: Study, file: object) -> None:
    """Raise ``StudyError`` where other keys stand beside ``heads``: before defaults do as well."""
    for name, keys in (study.get("selection") or {}).get("schemes", {}).items():
        for key in sorted(keys.keys() - {HEADS}) if HEADS in keys else ():
            raise StudyError(
                f"{file}: selection.schemes.{name}.{key}: a scheme of heads ranks no "
                "neurons, so it has no other key; leave it out"
            )


def without_defaults(study: Study) -> None:
    """Take away, in place, the keys of other schemes that the schema has given those of heads."""
    for name, heads in head_schemes(study).items():
        study["selection"]["schemes"][name] = {HEADS: heads}


def contradictions_of_heads(study: Study, folder: Path) -> Iterator[str]:
    """Yield a message for each scheme of heads that cannot be, or that is asked for in vain.

    ``folder`` is the study file's.
    """
    found = head_schemes(study)
    for name, heads in found.items():
        where = f"selection.schemes.{name}.heads"
        if heads in KINDS_OF_HEADS and "mechanism" not in study:
            yield (
                f"{where}: the {heads} heads are found by the stage mechanism, which this study "
                "does not ask for; add the section mechanism, or name the heads: [[7, 9], [8, 1]]"
            )
        named = [] if isinstance(heads, str) else heads
        yield from repeated_heads(named, where)
        yield from missing_heads(named, study, folder, where)
    for name in study["ablation"].get("curves", {}).get("schemes", []):
        if name in found:
            yield (
                f"ablation.curves.schemes: {name} is a scheme of heads, which picks the same "
                "neurons at every level: it has no curve; leave it out here"
            )
    if BOTTOM in study["ablation"]["further"]:
        for name in ablated_schemes(study):
            if name in found:
                yield (
                    f"ablation.further: bottom: {name} is a scheme of heads, whose ranking has no "
                    f"other end; leave bottom out, or {name} out of ablation.schemes"
                )
