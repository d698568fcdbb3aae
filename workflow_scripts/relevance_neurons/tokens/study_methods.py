"""The entries of a study's methods, and beside which of them the paper's numbers stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PAPERS = "information_bottleneck"
"""The method that paper 004 is about, with which it asks everything but what it compares."""


@dataclass(frozen=True)
class StudyMethods:
    """``kinds``: name of an entry -> its method, the study's own (first) one first.

    ``legacy``: names of entries that do as published code does, not as the paper says. Several
    entries may be of one method.
    """

    kinds: Mapping[str, str]
    legacy: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> StudyMethods:
        """Of a script's settings: methods, and legacy (missing: none)."""
        return cls(settings["methods"], frozenset(settings.get("legacy") or ()))

    @property
    def first(self) -> str:
        """The name of the study's own method."""
        return next(iter(self.kinds))

    @property
    def first_is_papers(self) -> bool:
        """Whether what the first method finds may stand beside what the paper finds."""
        return self.kinds[self.first] == PAPERS and self.first not in self.legacy

    def entry(self, kind: str) -> str | None:
        """The first entry of a method, one that is not legacy if there is one."""
        names = [name for name, method in self.kinds.items() if method == kind]
        names.sort(key=lambda name: name in self.legacy)
        return names[0] if names else None

    def beside_paper(self, name: str) -> bool:
        """Whether the paper's numbers stand beside this entry: one of each method, none legacy."""
        return name not in self.legacy and name == self.entry(self.kinds[name])
