"""Sections on the studies themselves: where their settings differ, and what was left out."""

from __future__ import annotations

from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.study_comparison.choices import listing
from relevance_neurons.report.study_comparison.compare import StudyComparison

_SETTINGS = {
    "study_a": ("First", None),
    "study_b": ("Second", None),
    "key": ("Key of the study file", None),
    "value_a": ("{a}", None),
    "value_b": ("{b}", None),
}
_LEFT_OUT = {
    "study_a": ("First", None),
    "study_b": ("Second", None),
    "part": ("Of", None),
    "name": ("What", None),
    "reason": ("Why", None),
}


def left_out(comparison: StudyComparison) -> Section | None:
    """What could not be compared; None where everything could."""
    frame = comparison.left_out
    if frame.is_empty():
        return None
    told = listing("left-out", frame, _LEFT_OUT, "What is not compared")
    lead = "What is in one study alone, or means another thing in each, and so is not compared."
    return Section("left-out", "What is left out", lead, told)


def settings(comparison: StudyComparison) -> Section:
    """Where the study files differ, and where the databases lie."""
    frame = comparison.settings
    lead = "Every key in which the study files differ: what the numbers above may come from."
    if frame.is_empty():
        lead = "The study files have the same settings."
        return Section("settings", "How they differ", lead, "")
    caption = "Settings that differ; empty: the file has no such key"
    told = listing("settings", frame, _SETTINGS, caption)
    return Section("settings", "How they differ", lead, told)
