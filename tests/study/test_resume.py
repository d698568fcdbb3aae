"""The way back from a killed run: what is ended, what is refused, and what stays."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from study import resume
from study.resume import ResumeError

RUN_A, RUN_B, RUN_C = "aaaa-1", "bbbb-2", "cccc-3"


@pytest.fixture
def folder(tmp_path):
    """A folder with logs of three runs of two studies; each reads results of the other."""
    logs = tmp_path / ".snakemake" / "log"
    logs.mkdir(parents=True)
    for day, run, study in ((1, RUN_A, "mine"), (2, RUN_B, "yours"), (3, RUN_C, "mine")):
        write_log(tmp_path, day, study, slurm=run)
    return tmp_path


def write_log(
    folder: Path, day: int, study: str, host: str = "here", slurm: str = "", began: bool = True
) -> None:
    """What Snakemake writes at the head of a log; where it ``began``, it was not locked."""
    text = (
        f"\nSNAKEMAKE\n=========\n  Host: {host}\n  Command: snakemake --profile x\n"
        f"  Config file(s): {[Path(f'{folder / study}.yaml')]}\n\n"
        + (f"SLURM run ID: {slurm}\n" if slurm else "")
        + (
            "Provided cores: 2 (use --cores to define parallelism)\n"
            if began
            else "LockException:\nError: Directory cannot be locked.\n"
        )
        + "    input: results/mine/reranker, results/yours/reranker\n"
    )
    (folder / ".snakemake" / "log" / f"2026-01-0{day}T000000.snakemake.log").write_text(text)


def stand_in(folder: Path, name: str, script: str) -> None:
    command = folder / "bin" / name
    command.parent.mkdir(exist_ok=True)
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


@pytest.fixture
def slurm(folder, monkeypatch):
    """Stand-ins for Slurm's commands: jobs 7 and 8 of run C, which go once cancelled."""
    stand_in(folder, "squeue", f'echo "$@" >> {folder}/asked; cat {folder}/queue 2>/dev/null; true')
    stand_in(folder, "scancel", f'echo "$@" >> {folder}/cancelled; rm -f {folder}/queue')
    monkeypatch.setenv("PATH", str(folder / "bin"), prepend=":")
    (folder / "queue").write_text("7\n8\n")
    return folder


def test_runs_of_the_study_alone_are_found(folder):
    names = [run.slurm_name for run in resume.earlier_runs(folder, folder / "mine.yaml")]
    assert names == [RUN_C, RUN_A]
    assert resume.earlier_runs(folder, folder / "nobody's.yaml") == []


@pytest.mark.parametrize("name", ["it's", 'it\'s "b"', "a {b} <c> 100%", "back\\slash", "é 中"])
def test_a_study_is_found_whatever_its_name(tmp_path, name):
    (tmp_path / ".snakemake" / "log").mkdir(parents=True)
    write_log(tmp_path, 1, name, slurm=RUN_A)
    assert len(resume.earlier_runs(tmp_path, tmp_path / f"{name}.yaml")) == 1


def test_an_option_is_one_word_or_two():
    words = ["snakemake", "--directory=my work", "--profile", "a b/local"]
    assert resume.option(words, "--directory", "-d") == "my work"
    assert resume.option(words, "--profile") == "a b/local"
    assert resume.option(words, "--executor") is None


def test_what_is_left_is_sought_in_the_runs_own_folder(slurm, tmp_path_factory, monkeypatch):
    """With --directory, which Snakemake goes to."""
    (slurm / "mine.yaml").write_text("study: mine\n")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    resume.end_what_is_left(slurm / "mine.yaml", ["--profile", "slurm", "--directory", str(slurm)])
    assert (slurm / "cancelled").exists()


def lock(folder: Path) -> None:
    (folder / ".snakemake" / "locks").mkdir(exist_ok=True)
    (folder / ".snakemake" / "locks" / "0.input.lock").write_text("")


def test_a_start_that_the_lock_stopped_hides_nothing(slurm, monkeypatch):
    """Of a live run on another machine, or of one on a cluster."""
    (slurm / "mine.yaml").write_text("study: mine\n")
    write_log(slurm, 4, "mine", host="login2", slurm="dddd-4")
    write_log(slurm, 5, "mine", host=socket.gethostname(), began=False)
    lock(slurm)
    monkeypatch.chdir(slurm)
    with pytest.raises(ResumeError, match=r"began on login2, not on "):
        resume.end_what_is_left(Path("mine.yaml"), ["--profile", "slurm"])
    monkeypatch.setenv("RESUME_FROM", "login2")
    with pytest.raises(ResumeError, match=r"the last run was on Slurm"):
        resume.end_what_is_left(Path("mine.yaml"), ["--profile", "local"])
    assert not (slurm / "cancelled").exists()


def test_a_lock_that_no_log_explains_is_the_users_to_judge(folder, monkeypatch):
    study = folder / "nobody's.yaml"
    study.write_text("study: nobody\n")
    monkeypatch.chdir(folder)
    resume.end_what_is_left(study, [])
    lock(folder)
    with pytest.raises(ResumeError, match=r"no log of Snakemake tells .*RESUME_FROM=unknown"):
        resume.end_what_is_left(study, [])
    monkeypatch.setenv("RESUME_FROM", "unknown")
    resume.end_what_is_left(study, [])


def test_their_jobs_are_cancelled(slurm):
    assert resume.cancel_slurm_jobs([RUN_C, RUN_A]) == ["7", "8"]
    assert (slurm / "cancelled").read_text() == f"--name {RUN_C}\n--name {RUN_A}\n"
    assert f"--name={RUN_C},{RUN_A}" in (slurm / "asked").read_text()


def test_nothing_is_cancelled_where_nothing_runs(slurm):
    (slurm / "queue").unlink()
    assert resume.cancel_slurm_jobs([RUN_C]) == []
    assert not (slurm / "cancelled").exists()


def test_a_cluster_that_does_not_answer_is_one_line(slurm):
    stand_in(slurm, "squeue", "echo 'slurm_load_jobs error:\n Unable to contact' >&2; exit 1")
    with pytest.raises(
        ResumeError, match=r"^squeue: slurm_load_jobs error: Unable to contact; try"
    ):
        resume.cancel_slurm_jobs([RUN_C])


def test_jobs_that_stay_are_told(slurm, monkeypatch):
    monkeypatch.setattr(resume, "SECONDS", 0)
    stand_in(slurm, "scancel", "true")
    with pytest.raises(ResumeError, match="Slurm jobs 7, 8 do not end; cancel them by hand"):
        resume.cancel_slurm_jobs([RUN_C])


def test_without_slurm_there_is_nothing_to_cancel(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert resume.cancel_slurm_jobs([RUN_C]) == []


def script(folder: Path) -> Path:
    """A rule's script as Snakemake runs it, which does not end by itself."""
    file = folder / ".snakemake" / "scripts" / "tmpabc.attribute_neurons.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text("import time\ntime.sleep(600)\n")
    return file


def orphan(file: Path) -> int:
    """Start the script from a process that is gone."""
    start = "import subprocess, sys; print(subprocess.Popen([sys.executable, sys.argv[1]]).pid)"
    words = [sys.executable, "-c", start, str(file)]
    # Its output is a file: a pipe would stay open as long as the script runs.
    told = file.with_suffix(".pid")
    with told.open("w") as stream:
        subprocess.run(words, stdout=stream, check=True)
    return int(told.read_text())


def test_orphans_of_this_folder_are_ended(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / ".snakemake").mkdir()
    ours, theirs = orphan(script(folder)), orphan(script(other))
    try:
        assert resume.end_local_jobs(folder) == [ours]
        assert not Path(f"/proc/{ours}").exists()
        assert Path(f"/proc/{theirs}").exists()
    finally:
        assert resume.end_local_jobs(other) == [theirs]


def test_jobs_of_a_snakemake_that_lives_stay(folder):
    snakemake = folder / "snakemake"
    run = f"subprocess.run([sys.executable, {str(script(folder))!r}])"
    snakemake.write_text(f"import subprocess, sys\n{run}\n")
    parent = subprocess.Popen([sys.executable, str(snakemake)])
    try:
        while not subprocess.run(["pgrep", "-P", str(parent.pid)], capture_output=True).stdout:
            time.sleep(0.05)
        assert resume.end_local_jobs(folder) == []
    finally:
        parent.kill()
        parent.wait()
        assert len(resume.end_local_jobs(folder)) == 1


@pytest.mark.parametrize("more", [["--configfile", "mine.yaml"], ["--configfile=mine.yaml"], []])
def test_a_run_that_lives_is_not_resumed(folder, monkeypatch, more):
    study = folder / ("mine.yaml" if more else "config.yaml")
    study.write_text("study: mine\n")
    program = folder / "snakemake"
    program.write_text("import time\ntime.sleep(600)\n")
    alive = subprocess.Popen([sys.executable, str(program), *more], cwd=folder)
    monkeypatch.chdir(folder)
    try:
        with pytest.raises(ResumeError, match=rf"process {alive.pid}\) is still running"):
            resume.end_what_is_left(study, [])
        assert resume.running_snakemake(folder, folder / "another.yaml") is None
        for words, found in ((more, None), (["--configfile", str(study)], alive.pid)):
            another = psutil.Process(alive.pid)
            another.info = {"cmdline": [*alive.args[:2], *words], "cwd": None}
            monkeypatch.setattr(resume, "_processes", lambda one=another: [one])
            assert resume.running_snakemake(folder, study) == found
        monkeypatch.undo()
    finally:
        alive.kill()
        alive.wait()
    assert resume.running_snakemake(folder, study) is None


def test_half_files_go_and_whole_ones_stay(tmp_path):
    results = tmp_path / "results"
    (results / "deep" / ".model.here.7.tmp").mkdir(parents=True)
    (results / "deep" / ".x.parquet.here.7.tmp").write_text("half")
    (results / "deep" / "x.parquet").write_text("whole")
    assert len(resume.remove_half_files(results)) == 2
    assert [path.name for path in (results / "deep").iterdir()] == ["x.parquet"]
    assert resume.remove_half_files(tmp_path / "nowhere") == []


def test_a_run_of_another_machine_is_resumed_there(folder, monkeypatch):
    """Or here, once the user says that it is gone; without a lock there is nothing to fear."""
    study = folder / "other.yaml"
    study.write_text("study: other\n")
    write_log(folder, 4, "other", host="login2")
    monkeypatch.chdir(folder)
    resume.end_what_is_left(study, [])
    lock(folder)
    with pytest.raises(ResumeError, match=r"began on login2, not on .*RESUME_FROM=login2"):
        resume.end_what_is_left(study, [])
    monkeypatch.setenv("RESUME_FROM", "login2")
    resume.end_what_is_left(study, [])


@pytest.mark.parametrize("here", [["--profile", "local"], ["--profile=local"], ["--cores", "2"]])
def test_a_run_of_a_cluster_is_not_resumed_on_this_machine(slurm, monkeypatch, here):
    (slurm / "mine.yaml").write_text("study: mine\n")
    monkeypatch.chdir(slurm)
    with pytest.raises(
        ResumeError, match=r"the last run was on Slurm .* make resume PROFILE=slurm"
    ):
        resume.end_what_is_left(Path("mine.yaml"), here)
    assert not (slurm / "cancelled").exists()
    resume.end_what_is_left(Path("mine.yaml"), ["--profile", "my/cluster"])
    assert (slurm / "cancelled").exists()


@pytest.mark.parametrize("name", [".", "..", "a/b", "../other"])
def test_a_name_that_leads_elsewhere_is_refused(folder, monkeypatch, name):
    half = folder / "results" / "other" / ".x.parquet.here.7.tmp"
    half.parent.mkdir(parents=True)
    half.write_text("half")
    (folder / "bad.yaml").write_text(f"study: {name}\n")
    monkeypatch.chdir(folder)
    with pytest.raises(resume.StudyError, match=r"bad\.yaml: study: .* was found"):
        resume.end_what_is_left(Path("bad.yaml"), [])
    assert half.exists()


def test_who_only_reads_a_script_stays(folder):
    reader = subprocess.Popen(["tail", "-f", str(script(folder))], stdout=subprocess.DEVNULL)
    try:
        assert resume.end_local_jobs(folder) == []
        assert reader.poll() is None
    finally:
        reader.kill()
        reader.wait()


def test_a_bad_study_is_one_line(tmp_path):
    words = [sys.executable, "-m", "study.resume", str(tmp_path / "none.yaml")]
    scripts = Path(resume.__file__).parents[1]
    done = subprocess.run(words, cwd=scripts, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
