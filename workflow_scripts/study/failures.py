"""Why a run failed, in a line each: Snakemake prints sixty around the one that tells it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

SILENT = "A job was ended from outside (out of memory or of time?): its log has no reason"
_EVENT = re.compile(
    r"^ +jobid: (?P<failed>\d+)\n(?: +.*\n)*? +log: (?P<log>.+) \(check log"
    r"|^Finished jobid: (?P<done>\d+)\b",
    re.MULTILINE,
)


def reasons_of_failure(logs: Sequence[str]) -> list[str]:
    """Each reason for which jobs failed, and below it the log of the first of them.

    ``logs`` are Snakemake's own. Paths in them start from the working directory.
    """
    failed = [file for log in logs for file in failed_jobs(_text(log))]
    found: dict[str, str] = {}
    for file in failed:
        for line in _text(file).splitlines():
            if line.startswith("Error: "):
                found.setdefault(line, file)
    # Beside a reason, a log without one may be of a job that went well in a group with another.
    if failed and not found:
        return ["\n  ".join([SILENT, *failed])]
    return [f"{reason}\n  {file}" for reason, file in found.items()]


def failed_jobs(text: str) -> list[str]:
    """The logs of the jobs that failed, and that did not go well when they were tried again."""
    failed: dict[str, str] = {}
    for event in _EVENT.finditer(text):
        if event["done"]:
            failed.pop(event["done"], None)
        else:
            failed[event["failed"]] = event["log"].split(", ")[0]  # the cluster's stands behind
    return list(failed.values())


def _text(file: str) -> str:
    path = Path(file)
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
