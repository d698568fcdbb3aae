"""A study on a real Slurm, with everything that goes wrong on one: the tables stay the same.

One run lives through it all, so that the test takes minutes: a job that fails, one that hangs
beyond its time, one that is cancelled, the controller and the accounting away, Snakemake killed.
The tests look at what was seen of each.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
import yaml

from slurm.daemons import PATIENCE, asked, daemons
from toys.profiles import profile
from workflow.conftest import (
    ROOT,
    SNAKEMAKE,
    assert_same_tables,
    environment,
    run,
    run_study,
    write_tiny_study,
)

pytestmark = pytest.mark.slow

MOST_MINUTES = 400
ON_THE_MAP = ("attribute_neurons", "randomise_layers", "ablate_single_neurons")
"""Rules whose jobs run one after the other while the hung one hangs."""
SUBMITTED = re.compile(
    r"has been submitted with SLURM jobid (\d+) \(log: \S*/(?:rule|group)_(\S+)/"
)


def write_study(folder: Path) -> Path:
    """The tiny study with fewer collections and levels, in shards, its ranker ready."""
    path = write_tiny_study(folder)
    study = yaml.safe_load(path.read_text())
    study["collections"] = {name: study["collections"][name] for name in ("alpha", "epsilon")}
    study["reranker"] = {"model": "base", "max_length": 48, "dtype": "float32"}
    study["attribution"] |= {
        "collections": ["alpha"],
        "labels": ["relevant"],
        "convergence_pairs": 0,
        "shards": 2,
    }
    del study["sensitivity"], study["attribution"]["methods"], study["ablation"]["curves"]
    study["selection"] = {"top_percents": [10]}
    study["evaluation"]["collections"] = ["epsilon"]
    study["ablation"] |= {"collections": ["epsilon"], "further": ["mean"], "shards": 2}
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


@dataclass
class Story:
    """One run of the study on the cluster, and what was seen of it."""

    folder: Path
    study: Path
    seen: dict[str, object] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """What Snakemake says."""
        return self.folder / "snakemake.log"

    def arguments(self) -> list[str]:
        """The profile, as a user names it."""
        return ["--snakefile", str(ROOT / "Snakefile"), "--profile", "slurm"]

    def start(self, *words: str) -> subprocess.Popen:
        """Run a command in the study's folder; its output goes to the log."""
        with self.log.open("a") as stream:
            self.started = subprocess.Popen(
                words,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment() | {"PYTHONPATH": str(ROOT / "workflow_scripts")},
            )
        return self.started

    def submitted(self) -> list[tuple[str, str]]:
        """Slurm's number and the rule (with wildcards) or group of every job so far."""
        return [(job, name) for job, name in SUBMITTED.findall(self.log.read_text())]

    def tries(self, job: str) -> list[str]:
        """The numbers of all jobs that did what ``job`` was to do, itself among them."""
        name = dict(self.submitted())[job]
        return [one for one, other in self.submitted() if other == name]

    def running(self, rule: str) -> str | None:
        """The number of a job of ``rule`` whose script runs."""
        for job, name in reversed(self.submitted()):
            if name.startswith(rule) and state(job) == "RUNNING" and scripts(self.folder, rule):
                return job
        return None

    def wait_for(self, what: Callable[[], object]) -> object:
        """What ``what`` gives as soon as it is something, while the run goes on.

        How long its jobs take is the machine's matter: the limit is there to end at all.
        """
        deadline = time.monotonic() + 3 * PATIENCE
        while not (found := what()):
            if self.started.poll() is not None and not (found := what()):
                pytest.fail(f"the run has ended before; it said:\n{self.log.read_text()[-5000:]}")
            if time.monotonic() > deadline:
                jobs = run(["squeue", "-o", "%i %j %T %M %l"]).stdout
                pytest.fail(f"not in {3 * PATIENCE} s; what Slurm has:\n{jobs}\n{accounting()}")
            daemons().keep_up()
            time.sleep(0.3)
        return found

    def finish(self, *words: str) -> int:
        """The exit status of a command that is run to its end."""
        command = self.start(*words)
        self.wait_for(lambda: command.poll() is not None)
        return command.returncode

    def submit(self) -> None:
        """Submit a job of a second as Snakemake does, with the sbatch that it finds first."""
        words = [ROOT / "slurm" / "bin" / "sbatch", "--parsable", "-t", "1", "--wrap", "true"]
        said = (self.folder / "submitted").open("w+")
        self.seen["submitted"] = subprocess.Popen(words, stdout=said, cwd=self.folder), said

    def away(self, name: str, seconds: float, meanwhile: Callable[[], None] | None = None) -> None:
        """Stop a daemon of the cluster for some time, and do something in it."""
        daemons().stop(name)
        if meanwhile:
            meanwhile()
        time.sleep(seconds)
        daemons().begin(name)


def state(job: str) -> str:
    """What the accounting says of a job."""
    said = asked("sacct", "-n", "-X", "-P", "-j", job, "-o", "State").split()
    return said[0] if said else ""


def scripts(folder: Path, rule: str) -> list[psutil.Process]:
    """The processes of a rule's script."""
    start = str(folder / ".snakemake" / "scripts")
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(
            word.startswith(start) and f".{rule}.py" in word
            for word in process.info["cmdline"] or ()
        )
    ]


def last_line(log: Path) -> str:
    """Of what was said."""
    return log.read_text().splitlines()[-1]


def let_a_job_fail(story: Story) -> None:
    """A grade that is no number; then it is mended."""
    qrels = story.folder / "epsilon" / "r.txt"
    right = qrels.read_text()
    qrels.write_text(right + "q0 0 d0-0 much\n")
    target = "results/tiny/collections/epsilon/qrels.parquet"
    options = ["--configfile", str(story.study), "--retries", "0", "--", target]
    done = run([SNAKEMAKE, *story.arguments(), *options], directory=story.folder)
    story.seen["failed"] = done
    qrels.write_text(right)


def hold(story: Story, rule: str) -> str | None:
    """Stop the script of a running job of ``rule``; the job's number."""
    job, held = story.running(rule), scripts(story.folder, rule)
    try:
        for process in held:
            process.suspend()
    except psutil.NoSuchProcess:  # it was done in that moment: another job of the rule, then
        return None
    return job if held else None


def has_merged_maps(results: Path) -> bool:
    """Whether the map is merged and its shards gone."""
    merged = results / "neuron_scores" / "alpha" / "relevant.parquet"
    return merged.exists() and not any((results / "shards" / "neuron_scores").rglob("*.parquet"))


def let_a_job_hang(story: Story) -> str:
    """Have Slurm allow it a minute; it is to be tried again."""
    job = story.wait_for(lambda: hold(story, "index_collection"))
    asked("scontrol", "update", f"JobId={job}", "TimeLimit=1")
    return job


def disturb(story: Story) -> None:
    """Everything that goes wrong on a cluster, one after the other, until Snakemake is killed."""
    snakemake_ = story.start(SNAKEMAKE, *story.arguments(), "--configfile", str(story.study))
    story.seen["hung"] = let_a_job_hang(story)
    story.seen["cancelled"] = story.wait_for(lambda: story.running("attribute_neurons"))
    asked("scancel", story.seen["cancelled"])
    story.wait_for(lambda: story.running("attribute_neurons"))
    story.away("slurmctld", 25, meanwhile=story.submit)
    story.wait_for(lambda: any(map(story.running, ON_THE_MAP)))
    story.away("slurmdbd", 14)
    story.wait_for(lambda: state(story.seen["hung"]) == "TIMEOUT")
    story.wait_for(
        lambda: [state(job) for job in story.tries(story.seen["hung"])[1:]] == ["COMPLETED"]
    )
    # Killed between the two, Snakemake would leave shards that are merged where they are.
    story.wait_for(lambda: has_merged_maps(story.folder / "results" / "tiny"))
    # Held, it still runs when the run is resumed.
    story.seen["orphan"] = story.wait_for(lambda: hold(story, "rerank_candidates"))
    snakemake_.kill()
    snakemake_.wait()
    time.sleep(1)
    story.seen["orphan's state"] = state(story.seen["orphan"])


@pytest.fixture(scope="module")
def story(cluster, tmp_path_factory) -> Story:
    """The run, from its first job to the last, and what was seen of it."""
    folder = tmp_path_factory.mktemp("on_slurm")
    (folder / "slurm").mkdir()
    (folder / "slurm" / "config.yaml").write_text(
        yaml.safe_dump(profile("slurm", most_minutes=MOST_MINUTES))
    )
    story = Story(folder, write_study(folder))
    let_a_job_fail(story)
    try:
        disturb(story)
        resume = [sys.executable, "-m", "study.resume", str(story.study), *story.arguments()]
        for _ in range(5):
            story.seen["exit"] = story.finish(*resume)
            if not story.seen["exit"] or "; try again" not in last_line(story.log):
                break  # else Slurm did not answer
    finally:
        story.started.kill()  # where the story broke off, nothing may stay
    return story


@pytest.fixture(scope="module")
def undisturbed(cluster, tmp_path_factory) -> Path:
    """The results of the same study on this machine, without Slurm."""
    folder = tmp_path_factory.mktemp("without_slurm")
    run_study(folder, write_study(folder))
    return folder / "results" / "tiny"


def accounting() -> list[dict[str, str]]:
    """What Slurm's accounting holds of every job."""
    names = ("JobID", "State", "AllocTRES", "Start", "End")
    ours = ("sacct", "-n", "-X", "-P", "-a", "-S", "now-1days")
    lines = asked(*ours, "-o", ",".join(names)).splitlines()
    return [dict(zip(names, line.split("|"), strict=True)) for line in lines]


def test_it_ends_with_the_tables_of_an_undisturbed_local_run(story, undisturbed):
    assert story.seen["exit"] == 0, story.log.read_text()[-5000:]
    assert_same_tables(story.folder / "results" / "tiny", undisturbed)


def test_jobs_ran_under_slurm(story):
    done = {row["JobID"] for row in accounting() if row["State"] == "COMPLETED"}
    names = {name.split("/")[0] for job, name in story.submitted() if job in done}
    assert {"attribute_neurons", "rerank_candidates", "prepare_collection"} <= names
    groups = {name.split("_")[0] for name in names} & {"maps", "tests", "report"}
    assert len(groups) == 3, names
    light = {"build_database", "gather_schemes", "merge_attribution", "test_ablations"}
    assert not light & names


def test_gpu_jobs_ran_one_at_a_time(story):
    with_gpu = [row for row in accounting() if "gres/gpu=1" in row["AllocTRES"]]
    times = sorted((row["Start"], row["End"]) for row in with_gpu if row["Start"] != "None")
    assert len(times) > 8
    for (_, end), (start, _) in pairwise(times):
        assert end <= start


def test_a_failed_job_is_named_with_its_log(story):
    done = story.seen["failed"]
    assert done.returncode == 1
    assert "Error in rule prepare_collection:" in done.stdout
    assert "results/tiny/logs/prepare_collection/epsilon.log" in done.stdout
    last = done.stdout.split("Exiting because a job execution failed", 1)[1]
    assert re.search(r"Error: \S*r\.txt, line 61: the grade 'much' is no integer", last)
    assert "Traceback" not in done.stdout


def test_a_cancelled_job_was_tried_again(story):
    job = story.seen["cancelled"]
    assert state(job).startswith("CANCELLED")
    assert [state(other) for other in story.tries(job) if other != job] == ["COMPLETED"]


def test_a_submission_waited_for_the_controller(story):
    """Whichever it was: Snakemake may have had one to make in that time, or not."""
    process, said = story.seen["submitted"]
    assert process.wait(timeout=PATIENCE) == 0
    said.seek(0)
    assert state(said.read().strip()) == "COMPLETED"
    assert "sbatch failed" not in story.log.read_text()


def test_a_job_beyond_its_time_was_tried_again_with_more(story):
    """With twice as much, but not more than the user says that a partition gives."""
    assert state(story.seen["hung"]) == "TIMEOUT"
    again = story.tries(story.seen["hung"])
    assert len(again) == 2 and state(again[1]) == "COMPLETED"
    limits = asked("sacct", "-n", "-X", "-P", "-j", again[1], "-o", "TimelimitRaw")
    assert 240 < int(limits) == MOST_MINUTES < 2 * 240


def test_a_killed_run_was_resumed_while_its_jobs_still_ran(story):
    assert story.seen["orphan's state"] == "RUNNING"
    assert state(story.seen["orphan"]).startswith("CANCELLED")
    assert re.search(r"tiny: [1-9]\d* Slurm jobs cancelled", story.log.read_text())
    assert not list((story.folder / "results").rglob(".*.tmp*"))
