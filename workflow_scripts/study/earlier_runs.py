"""What Snakemake's logs tell of earlier runs of a study."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """An earlier run of Snakemake, as its log tells: where it began, and its Slurm jobs' name."""

    host: str
    command: str
    slurm_name: str | None

    @classmethod
    def of(cls, log: str) -> Run:
        """From the text of a log."""
        return cls(
            _first(r"^  Host: (.*)$", log) or "",
            _first(r"^  Command: (.*)$", log) or "",
            _first(r"^SLURM run ID: (\S+)$", log),
        )


def earlier_runs(folder: Path, study_file: Path) -> list[Run]:
    """The runs of a study in ``folder``, the newest first; by the study file in a log's head.

    One that stopped at its start (at another's lock, say) is none: it had no jobs.
    """
    logs = sorted((folder / ".snakemake" / "log").glob("*.snakemake.log"), reverse=True)
    texts = (log.read_text(encoding="utf-8", errors="replace") for log in logs)
    return [
        Run.of(text)
        for text in texts
        if re.search(r"^Provided (cores|remote nodes): ", text, re.MULTILINE)
        and study_file.resolve() in {(folder / name).resolve() for name in _study_files(text)}
    ]


def _study_files(log: str) -> list[str]:
    """The files in a log's head, where they stand as Python writes texts."""
    listed = _first(r"^  Config file\(s\): (.*)$", log) or ""
    texts = re.finditer(r"""(['"])(?:\\.|(?!\1).)*\1""", listed)
    return [ast.literal_eval(text[0]) for text in texts]


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else None
