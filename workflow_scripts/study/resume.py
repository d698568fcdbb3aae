"""A way back from a run that was killed: python -m study.resume STUDY [snakemake's arguments].

Kill -9 leaves a run's jobs at work, on the cluster or on this machine, and its lock in place. Here
the jobs are ended, half-written files removed, the lock is taken away and Snakemake starts again:
what was finished stays. `make resume` calls it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from study.command_line import option, option_words
from study.earlier_runs import Run, earlier_runs
from study.reading import StudyError, study_name

SECONDS = 300
"""Within which a cluster is to end cancelled jobs."""
STARTED_ELSEWHERE = "RESUME_FROM"
"""Environment variable: the machine of which the user says that the run is gone there."""
UNKNOWN = "unknown"
"""The machine of a run that left no log."""


class ResumeError(Exception):
    """Why a run cannot be resumed, in one line."""


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

    They run a script in the folder's .snakemake/scripts; those whose Snakemake lives stay.
    """
    scripts = str(folder / ".snakemake" / "scripts")
    ended = []
    for process in _processes():
        program, *words = process.info["cmdline"] or [""]
        script = next((word for word in words if not word.startswith("-")), "")
        if Path(program).name.startswith("python") and script.startswith(scripts):
            with suppress(psutil.Error):  # it has ended by itself, or is another user's
                if not any(map(_is_snakemake, process.parents())):
                    process.kill()
                    ended.append(process)
    psutil.wait_procs(ended, timeout=SECONDS)
    return [process.pid for process in ended]


def running_snakemake(folder: Path, study_file: Path) -> int | None:
    """The number of a process of Snakemake that runs the study in ``folder``, if there is one."""
    for process in _processes():
        words = process.info["cmdline"] or []
        # A Slurm job is a Snakemake too, of one target. Where another user's runs is not told.
        if process.info["cwd"] not in (str(folder), None) or "--target-jobs" in words:
            continue
        files = option_words(words)
        if not any(word.startswith("--configfile") for word in files):
            snakefile = option(words, "--snakefile", "-s") or "Snakefile"
            files = [str(Path(snakefile).with_name("config.yaml"))]
        if process.info["cwd"] is None:
            files = [one for one in files if Path(one).is_absolute()]
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


def check_that_none_runs(folder: Path, study_file: Path, runs: Sequence[Run]) -> None:
    """Raise ``ResumeError`` where a run of the study may still be alive."""
    running = running_snakemake(folder, study_file)
    if running:
        raise ResumeError(
            f"{study_file}: Snakemake (process {running}) is still running this study here; wait "
            "for it, or stop it first (Ctrl-C in its terminal also cancels its jobs)"
        )
    here, there = socket.gethostname(), runs[0].host if runs else UNKNOWN
    is_locked = any((folder / ".snakemake" / "locks").glob("*"))
    if not is_locked or there in (here, os.environ.get(STARTED_ELSEWHERE)):
        return
    if there == UNKNOWN:
        raise ResumeError(
            f"{study_file}: a run has locked this folder, and no log of Snakemake tells of one of "
            "this study; resume the study that it was of, or see yourself that neither it nor a "
            f"job of it still runs, and say so: {STARTED_ELSEWHERE}={UNKNOWN} before the command"
        )
    raise ResumeError(
        f"{study_file}: its last run began on {there}, not on {here}; resume it there, where "
        f"it can be seen whether it still runs, or say that it does not: {STARTED_ELSEWHERE}="
        f"{there} before the command"
    )


def check_profile(runs: Sequence[Run], arguments: Sequence[str]) -> None:
    """Raise ``ResumeError`` where a run of a cluster would go on on this machine alone."""
    chosen = option(arguments, "--profile", "--executor")
    if runs and runs[0].slurm_name and Path(chosen or "local").name == "local":
        raise ResumeError(
            f"the last run was on Slurm ({runs[0].command}); resume it with the same profile, "
            "such as make resume PROFILE=slurm"
        )


def _wait_until(is_done: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            raise ResumeError(f"{complaint}; cancel them by hand and try again")
        time.sleep(1)


def end_what_is_left(study_file: Path, arguments: Sequence[str]) -> None:
    """End the jobs of a killed run of the study in this folder, and tidy up after them.

    Raises ``ResumeError`` where the run may be alive, and ``StudyError`` for a bad study file.
    """
    folder = Path(option(arguments, "--directory", "-d") or "").resolve()
    name = study_name(study_file)
    runs = earlier_runs(folder, study_file.resolve())
    check_that_none_runs(folder, study_file.resolve(), runs)
    check_profile(runs, arguments)
    cancelled = cancel_slurm_jobs([run.slurm_name for run in runs if run.slurm_name])
    ended = end_local_jobs(folder)
    half = remove_half_files(folder / "results" / name)
    print(
        f"{name}: {len(cancelled)} Slurm jobs cancelled, {len(ended)} processes ended, "
        f"{len(half)} half-written files removed",
        flush=True,
    )


def resume(study_file: Path, arguments: Sequence[str]) -> None:
    """End what is left of a killed run, then become Snakemake, which goes on.

    It takes this process's place, so that Ctrl-C reaches it and ends the run in good order.
    """
    end_what_is_left(study_file, arguments)
    snakemake = [sys.executable, "-m", "snakemake", "--configfile", str(study_file)]
    unlocked = subprocess.run(
        [*snakemake, "--unlock", *arguments], capture_output=True, text=True, check=False
    )
    if unlocked.returncode:
        said = " ".join(f"{unlocked.stdout}{unlocked.stderr}".split())
        raise ResumeError(f"snakemake --unlock failed: {said}; see that the folder can be written")
    os.execv(sys.executable, [*snakemake, "--rerun-incomplete", *arguments])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m study.resume STUDY [arguments of snakemake]")
    try:
        resume(Path(sys.argv[1]), sys.argv[2:])
    except (ResumeError, StudyError) as error:
        sys.exit(f"Error: {error}")
