"""Which jobs a scheme of heads adds to the tiny study's, and which it leaves alone."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple

import pytest
import yaml

from workflow.conftest import ROOT, snakemake, write_tiny_study

SELECTED = "results/tiny/selections/some_heads/30.parquet"


class Job(NamedTuple):
    """What a dry run says of a job: what it makes, and what other jobs make for it."""

    message: str
    made: set[str]
    given: set[str]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> list[Job]:
    folder = tmp_path_factory.mktemp("heads")
    study = write_tiny_study(folder)
    keys = yaml.safe_load(study.read_text())
    keys["selection"]["schemes"] = {"some_heads": {"heads": [[0, 1], [2, 0]]}}
    study.write_text(yaml.safe_dump(keys, sort_keys=False))
    done = snakemake(folder, study, "--dry-run")
    assert done.returncode == 0, done.stdout[-3000:]
    reason = r"Reason: Missing output files: (.*?)(?:; Input files updated by another job: (.*))?"
    found = re.findall(rf"(?m)^Job \d+: (.*)\n{reason}$", done.stdout)
    assert len(found) > 100
    return [Job(said, set(made.split(", ")), set(given.split(", "))) for said, made, given in found]


def that_make(jobs: list[Job], folder: str) -> list[Job]:
    start = f"results/tiny/{folder}"
    return [job for job in jobs if any(file.startswith(start) for file in job.made)]


def test_heads_are_located_and_selected_once_at_the_highest_level(jobs):
    (located,) = that_make(jobs, "head_neurons.parquet")
    assert located.given == {"results/tiny/reranker"}  # no heads were found, only named
    (selected,) = that_make(jobs, "selections/some_heads/")
    assert selected.given == {"results/tiny/head_neurons.parquet"}
    assert selected.made == {SELECTED, SELECTED.replace("selections", "selection_sizes")}


def test_they_are_re_ranked_gathered_and_measured_as_every_scheme(jobs):
    for collection in ("alpha", "epsilon", "delta"):
        (ranked,) = that_make(jobs, f"shards/rerankings/{collection}/some_heads/")
        assert ranked.made == {
            f"results/tiny/shards/rerankings/{collection}/some_heads/30/0.parquet"
        }
        assert SELECTED in ranked.given
        (measured,) = that_make(jobs, f"measures/{collection}.parquet")
        assert ranked.made < measured.given
    for file in ("schemes.parquet", "match_quality.parquet"):
        (job,) = that_make(jobs, file)
        assert SELECTED in job.given, file


def test_nothing_but_the_database_waits_for_heads_too(jobs):
    waiting = [job for job in jobs if "results/tiny/head_neurons.parquet" in job.given]
    assert sorted(job.message for job in waiting) == [
        "Gather all tables in one database",
        "Select the value neurons of the heads of some_heads",
    ]


@pytest.mark.parametrize("script", ["selection/select_heads", "mechanism/overlap_heads"])
def test_light_jobs_load_no_ranker(script):
    folder, name = script.split("/")
    code = f"import sys; import {name}; print(*sys.modules)"
    paths = [str(ROOT / "workflow_scripts" / one) for one in (folder, "")]
    loads = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(loads.stdout.split())
    assert "duckdb" in loaded
    assert not loaded & {"torch", "transformers", "scipy", "statsmodels", "sklearn", "matplotlib"}
