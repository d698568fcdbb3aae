"""Whose a results folder is: two study files of one name would write in the same one."""

from __future__ import annotations

import os
from pathlib import Path

from relevance_neurons.running.outputs import write_text
from study.errors import StudyError
from study.reading import read_yaml

RECORD = ".study_file"
"""In a results folder: the study file of its last run, from the working directory."""


def record_study_file(results: Path, file: Path) -> None:
    """Note in ``results`` that ``file`` is what its results are of."""
    write_text(os.path.relpath(file), results / RECORD)


def shared_with(results: Path, file: Path) -> Path | None:
    """Another study file of the same name that ``results`` are of; a file that moved is none."""
    try:
        other = Path((results / RECORD).read_text(encoding="utf-8"))
        if other.samefile(file) or str(read_yaml(other)["study"]) != results.name:
            return None
    except (OSError, UnicodeDecodeError, StudyError):
        return None
    return other
