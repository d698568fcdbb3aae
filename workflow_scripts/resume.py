"""A way back from a run that was killed: python -m resume STUDY [snakemake's arguments].

Kill -9 leaves a run's jobs at work, on the cluster or on this machine, and its lock in place. Here
the jobs are ended, half-written files removed, the lock is taken away and Snakemake starts again:
what was finished stays. `make resume` calls it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from study import StudyError, read_yaml

RUN_ID = re.compile(r"SLURM run ID: (\S+)")
"""In Snakemake's log: the name of all Slurm jobs of a run."""
SECONDS = 300
"""Within which a cluster is to end cancelled jobs."""


class ResumeError(Exception):
    """Why a run cannot be resumed, in one line."""


def run_ids(folder: Path, study: str) -> list[str]:
    """The names of the Slurm jobs of earlier runs of ``study`` in ``folder``, the newest first."""
    found = []
    for log in sorted((folder / ".snakemake" / "log").glob("*.snakemake.log"), reverse=True):
        text = log.read_text(encoding="utf-8", errors="replace")
        if f"results/{study}/" in text:
            found += RUN_ID.findall(text)
    return found


def cancel_slurm_jobs(names: Sequence[str]) -> list[str]:
    """Cancel every job with one of ``names``, wait until all are gone; return their numbers.

    Raises ``ResumeError`` where Slurm does not answer or the jobs stay.
    """
    if not names or shutil.which("squeue") is None:
        return []
    cancelled = _slurm_jobs(names)
    if cancelled:
        for name in names:
            _slurm("scancel", "--name", name)
        _wait_until(lambda: not _slurm_jobs(names), f"Slurm jobs {', '.join(cancelled)} do not end")
    return cancelled


def _slurm_jobs(names: Sequence[str]) -> list[str]:
    return _slurm("squeue", "--noheader", "--format=%i", f"--name={','.join(names)}").split()


def _slurm(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise ResumeError(f"{command[0]} does not answer; try again when Slurm does") from None
    if done.returncode:
        raise ResumeError(f"{command[0]}: {' '.join(done.stderr.split())}; try again later")
    return done.stdout


def end_local_jobs(folder: Path) -> list[int]:
    """End the jobs that a killed Snakemake of ``folder`` left on this machine; their numbers.

    Its scripts lie in the folder's .snakemake/scripts; those whose Snakemake lives stay.
    """
    scripts = str(folder / ".snakemake" / "scripts")
    left = [
        process
        for process in _processes()
        if any(part.startswith(scripts) for part in process.info["cmdline"] or ())
        and not any(map(_is_snakemake, process.parents()))
    ]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=SECONDS)
    return [process.pid for process in left]


def running_snakemake(folder: Path, study_file: Path) -> int | None:
    """The number of a process of Snakemake that runs the study in ``folder``, if there is one."""
    for process in _processes():
        words = process.info["cmdline"] or []
        # A Slurm job is a Snakemake too, of one target.
        if process.info["cwd"] != str(folder) or "--target-jobs" in words:
            continue
        files = words if "--configfile" in words else ["config.yaml"]
        if _is_snakemake(process) and study_file in {(folder / one).resolve() for one in files}:
            return process.pid
    return None


def _processes() -> Iterator[psutil.Process]:
    return psutil.process_iter(["cmdline", "cwd"])


def _is_snakemake(process: psutil.Process) -> bool:
    try:
        return any(Path(part).name == "snakemake" for part in process.cmdline()[:3])
    except psutil.Error:
        return False


def remove_half_files(results: Path) -> list[Path]:
    """Remove what killed jobs had begun to write; call it when none runs any more."""
    half = [path for path in results.rglob(".*.tmp*") if path.exists()]
    for path in half:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return half


def _wait_until(is_done: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            raise ResumeError(f"{complaint}; cancel them by hand and try again")
        time.sleep(1)


def resume(study_file: Path, arguments: Sequence[str]) -> int:
    """End what is left of a killed run of the study in this folder, then run Snakemake again.

    Returns Snakemake's exit code. Raises ``ResumeError``, and ``StudyError`` for a bad study file.
    """
    folder = Path.cwd()
    name = read_yaml(study_file)["study"]
    running = running_snakemake(folder, study_file.resolve())
    if running:
        raise ResumeError(
            f"{study_file}: Snakemake (process {running}) is still running this study here; wait "
            "for it, or stop it first (Ctrl-C in its terminal also cancels its jobs)"
        )
    cancelled = cancel_slurm_jobs(run_ids(folder, name))
    ended = end_local_jobs(folder)
    half = remove_half_files(folder / "results" / name)
    print(
        f"{name}: {len(cancelled)} Slurm jobs cancelled, {len(ended)} processes ended, "
        f"{len(half)} half-written files removed",
        flush=True,
    )
    snakemake = ["snakemake", "--configfile", str(study_file), *arguments]
    unlocked = subprocess.run([*snakemake, "--unlock"], capture_output=True, text=True)
    if unlocked.returncode:
        raise ResumeError(f"snakemake --unlock failed:\n{unlocked.stdout}{unlocked.stderr}")
    return subprocess.run([*snakemake, "--rerun-incomplete"]).returncode


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m resume STUDY [arguments of snakemake]")
    try:
        sys.exit(resume(Path(sys.argv[1]), sys.argv[2:]))
    except (ResumeError, StudyError) as error:
        sys.exit(f"Error: {error}")
