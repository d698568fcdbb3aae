"""Kill -9 at random moments, of every kind of job and of Snakemake: no file is ever torn.

Jobs with a ranker start warm (toys/warm_jobs): they are killed at their work, not at their imports.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import duckdb
import polars as pl
import psutil
import pytest
import yaml

from study.failures import failed_jobs
from toys.warm_jobs import warm, warm_python, working
from workflow.conftest import (
    ROOT,
    assert_same_tables,
    command,
    environment,
    run_study,
    write_tiny_study,
)

MOST_ROUNDS = 20
KNOWN = "Out of jobs ready to be started"
"""With --until of two rules of which one needs the other, Snakemake stops behind the first."""
SAME_SCRIPT = {"attribute_variant", "merge_variant"}
"""Rules whose script is another's, by which it is known here."""
SNAKEMAKE_DIES_AFTER = (12, 28)
"""So many killed jobs."""


def write_study(folder: Path) -> Path:
    """The tiny study with every rule of it and few jobs of each: each is run more than once."""
    path = write_tiny_study(folder)
    study = yaml.safe_load(path.read_text())
    for name in ("beta", "epsilon"):
        del study["collections"][name]
    study["attribution"]["collections"] = study["ablation"]["collections"] = ["alpha", "delta"]
    del study["attribution"]["methods"]["lambda"]
    study["selection"]["top_percents"] = [10]
    study["evaluation"]["collections"] = ["alpha"]
    study["ablation"]["curves"]["schemes"] = ["N_alpha"]
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """The results of a run that nobody kills."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run_study(folder, write_study(folder))
    return folder / "results" / "tiny"


def durations(results: Path) -> dict[str, float]:
    """The longest that a job of each rule is to take, in seconds, by an undisturbed run."""
    found: dict[str, float] = {}
    for file in (results / "benchmarks").rglob("*.tsv"):
        rule = file.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")
        seconds = float(file.read_text().splitlines()[1].split("\t")[0])
        found[rule] = max(seconds, found.get(rule, 0.0))
    return found


class Killer:
    """Watches the scripts that run in a folder and kills some of them, at moments of its own.

    After each kill, with Snakemake stopped so that it cannot tidy up, every file that appeared
    since is compared with that of an undisturbed run.
    """

    def __init__(self, folder: Path, expected: Path, seed: int = 0) -> None:
        self.scripts = folder / ".snakemake" / "scripts"
        self.results, self.expected = folder / "results" / "tiny", expected
        self.durations = durations(expected)
        self.random = random.Random(seed)
        self.planned: dict[psutil.Process, tuple[str, float]] = {}
        self.kills, self.checked, self.seen = Counter(), Counter(), {}

    def step(self, snakemake: psutil.Process) -> None:
        """Look for new scripts, and kill those whose time has come."""
        for process in psutil.process_iter(["cmdline"]):
            program, *words = process.info["cmdline"] or [""]
            script = next((word for word in words if word.startswith(str(self.scripts))), None)
            is_python = Path(program).name.startswith("python")
            if script and is_python and process not in self.planned:
                rule = re.match(r"tmp[^.]*\.(\w+)\.py", Path(script).name)[1]
                moment = self.random.uniform(0.05, 0.8) * self.durations[rule]
                self.planned[process] = rule, time.monotonic() + moment
                self.durations[rule] *= 0.7  # if it ends before that: sooner the next time
        for process, (rule, moment) in self.planned.items():
            if time.monotonic() >= moment and not self.kills[rule]:
                self.planned[process] = rule, float("inf")
                with suppress(psutil.NoSuchProcess):  # it was done before
                    self.kill(process, rule, snakemake)

    def kill(self, process: psutil.Process, rule: str, snakemake: psutil.Process) -> None:
        """Kill a script, if it has not ended, and look at what is there."""
        if process.status() == psutil.STATUS_ZOMBIE:
            return
        held = [snakemake, *(other for other in self.planned if other != process), *working()]
        _each(held, "suspend")  # the scripts too: to look takes longer than some of them
        try:
            process.kill()
            # It stays a zombie: who is to collect it, Snakemake, is held.
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.01)
            self.kills[rule] += 1
            self.check()
        finally:
            _each(held, "resume")

    def missed(self) -> list[str]:
        """Rules to run again: those of which no job was killed yet."""
        rules = self.durations.keys() - SAME_SCRIPT - {"all"}
        return sorted(rule for rule in rules if not self.kills[rule])

    def check(self) -> None:
        """Every new file of a job is whole: its content is what it was to be."""
        for path in self.results.rglob("*"):
            kind = path.suffix
            if not path.is_file() or path.name.startswith(".") or "shards" in path.parts:
                continue
            stamp = path.stat().st_mtime_ns
            if self.seen.get(path) == stamp or kind not in (".parquet", ".duckdb", ".png", ".csv"):
                continue
            self.seen[path] = stamp
            wanted = self.expected / path.relative_to(self.results)
            if kind == ".parquet":
                assert pl.read_parquet(path).equals(pl.read_parquet(wanted)), path
            elif kind == ".duckdb":
                with duckdb.connect(str(path), read_only=True) as database:
                    assert database.sql("SELECT count(*) FROM neuron_scores").fetchall()[0][0]
            else:
                assert path.stat().st_size == wanted.stat().st_size, path
            self.checked[kind] += 1


def _each(processes: list[psutil.Process], do: str) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            getattr(process, do)()


def _failures(text: str, results: Path) -> str:
    """The end of what Snakemake said, and that of the log of each job that failed for good."""
    files = [results.parents[1] / name for name in failed_jobs(text)]
    return "\n".join([text[-5000:], *(one.read_text()[-1000:] for one in files if one.exists())])


@pytest.mark.slow
def test_no_kill_tears_a_file_or_changes_a_table(undisturbed, tmp_path):
    """A resumed run ends with the same tables, and leaves nothing half-written behind."""
    study = write_study(tmp_path)
    start = command(tmp_path, study, "--retries", "20")
    of_snakemake = [one for one in start[1:] if one not in ("--configfile", str(study))]
    resume = [warm_python(), "-m", "study.resume", str(study), *of_snakemake]
    without_slurm = tmp_path / "bin"  # which other tests may have here, and stop
    without_slurm.mkdir()
    (without_slurm / "squeue").symlink_to("/bin/true")
    surroundings = environment() | {"PYTHONPATH": str(ROOT / "workflow_scripts")}
    surroundings["PATH"] = f"{without_slurm}{os.pathsep}{surroundings['PATH']}"
    killer, left = Killer(tmp_path, undisturbed), list(SNAKEMAKE_DIES_AFTER)
    words, todo, ends, log = warm(start), [], [], tmp_path / "log.txt"
    for _ in range(MOST_ROUNDS):
        with log.open("a") as stream:
            process = subprocess.Popen(
                words,
                cwd=tmp_path,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=surroundings,
            )
        while process.poll() is None:
            killer.step(psutil.Process(process.pid))
            if left and killer.kills.total() >= left[0]:
                left.pop(0)
                process.kill()
            time.sleep(0.02)
        ends.append(process.returncode)
        said = log.read_text()
        is_known = ends[-1] in (0, -9) or KNOWN in said[-10000:]
        assert is_known, (ends, _failures(said, killer.results))
        # Those alone: what follows from them has had its kill, and would be the same again. Where
        # Snakemake was killed all are forced again: it has removed what some were to make.
        todo = todo if ends[-1] == -9 else killer.missed()
        if ends[-1] == 0 and not todo:
            break
        words = [*resume, *(["--forcerun", *todo, "--until", *todo] if todo else [])]
    text = log.read_text()
    assert ends[-1] == 0 and ends.count(-9) == 2, (ends, text[-5000:])
    assert text.count("half-written files removed") == len(ends) - 1
    assert "Error: " not in text.replace("Error: rule", "")
    assert not killer.missed() and killer.kills.total() > 30, killer.kills
    assert killer.checked[".parquet"] > 50
    assert_same_tables(killer.results, undisturbed)
    assert not [path for path in killer.results.rglob(".*") if ".tmp" in path.name]
