"""The reasons of a failed run are picked out of what Snakemake and the jobs wrote."""

from pathlib import Path

import pytest

from study.failures import SILENT, failed_jobs, reasons_of_failure


def failure(job: int, *logs: str, indent: str = "    ") -> str:
    """What Snakemake writes of a job that failed; in a group it stands deeper."""
    return (
        f"{indent}jobid: {job}\n{indent}input: a.parquet\n{indent}output: b.parquet\n"
        f"{indent}log: {', '.join(logs)} (check log file(s) for error details)\n"
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = {
        "bad.log": "2026 INFO begun\nError: r.txt, line 2: no grade\n",
        "same.log": "Error: r.txt, line 2: no grade\n",
        "other.log": "Traceback\n  …\nError: no ranker\n",
        "fine.log": "2026 INFO done\n",
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    return tmp_path


def told(*parts: str) -> list[str]:
    Path("snakemake.log").write_text("Error in rule x:\n    message: None\n".join(["", *parts]))
    return reasons_of_failure(["snakemake.log"])


def test_each_reason_is_told_once_with_a_log(folder):
    found = told(failure(1, "bad.log"), failure(2, "same.log"), failure(3, "other.log"))
    expected = ["Error: r.txt, line 2: no grade\n  bad.log", "Error: no ranker\n  other.log"]
    assert found == expected


def test_a_job_that_went_well_when_tried_again_did_not_fail(folder):
    text = failure(1, "bad.log") + "Finished jobid: 1 (Rule: x)\n" + failure(11, "other.log")
    assert failed_jobs(text) == ["other.log"]
    assert failed_jobs(failure(1, "bad.log") + "Finished jobid: 11 (Rule: x)\n") == ["bad.log"]
    assert told("Finished jobid: 1 (Rule: x)\n") == []


@pytest.mark.parametrize("log", ["fine.log", "never_begun.log"])
def test_a_job_that_was_killed_is_named(folder, log):
    assert told(failure(1, log)) == [f"{SILENT}\n  {log}"]


def test_of_a_group_only_the_job_that_failed_is_told(folder):
    deep = " " * 12
    text = "    log: slurm/7.log (check log file(s) for error details)\n    jobs:\n"
    text += failure(1, "fine.log", indent=deep) + failure(2, "bad.log", indent=deep)
    assert told(text) == ["Error: r.txt, line 2: no grade\n  bad.log"]


def test_the_log_of_the_cluster_stands_behind_the_job_s(folder):
    assert failed_jobs(failure(1, "bad.log", "slurm/5.log")) == ["bad.log"]


def test_without_a_log_of_snakemake_there_is_nothing_to_tell():
    assert reasons_of_failure([]) == []
