"""The page of a comparison: explorer.html, of the explorer's own frame."""

from __future__ import annotations

from pathlib import Path

from relevance_neurons.report.explorer.page import write_page
from relevance_neurons.report.study_comparison.answer import answer
from relevance_neurons.report.study_comparison.choices import listed
from relevance_neurons.report.study_comparison.compare import StudyComparison
from relevance_neurons.report.study_comparison.losses import losses
from relevance_neurons.report.study_comparison.neurons import maps, shared
from relevance_neurons.report.study_comparison.told import left_out, settings

SECTIONS = (answer, shared, maps, losses, settings, left_out)


def write_comparison(output: str | Path, comparison: StudyComparison) -> None:
    """Write ``comparison`` as one page that opens anywhere."""
    sections = [section for make in SECTIONS if (section := make(comparison))]
    names = list(comparison.studies)
    subtitle = f"{len(names)} studies, every two of them" if len(names) > 2 else "two studies"
    write_page(output, f"{listed(names)}, side by side", sections, subtitle=subtitle)
