"""The profiles: every rule has its place in them, and the user's settings do what they say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from study.search_path import look_first_in
from toys.profiles import ROOT, profile

RULES = {}
for file in sorted((ROOT / "rules").glob("*.smk")):
    parts = re.split(
        r"^ *(?:use )?rule (?:\w+ as )?(\w+)(?: with)?:$", file.read_text(), flags=re.M
    )
    RULES |= dict(zip(parts[1::2], parts[2::2], strict=True))
COPIES = {"attribute_variant": "attribute_neurons", "merge_variant": "merge_attribution"}
ON_GPU = {
    name
    for name, text in RULES.items()
    if "gpu=1" in text or COPIES.get(name) in ("attribute_neurons",)
}
HEAVY = {
    *("prepare_collection", "index_collection", "draw_candidates", "search_collection"),
    "search_passages",
    *("count_words", "make_diagnostic_pairs", "search_for_mechanism", "correlate_idf"),
    *("fit_soft_tf", "fit_semantic_bm25"),
}
"""Without a GPU, and of more than seconds: they download, read or index a collection, or fit."""


def test_every_rule_has_its_place():
    slurm = profile("slurm", gpu="a100")
    assert set(slurm["set-resources"]) == ON_GPU
    assert set(slurm["groups"]) == set(RULES) - ON_GPU - HEAVY
    assert set(slurm["groups"].values()) == set(slurm["group-components"])


def test_nothing_is_set_that_the_user_did_not_set():
    slurm = profile("slurm")
    assert "set-resources" not in slurm and slurm["resources"] == {"light": 4}
    assert not {"slurm_partition", "slurm_account"} & slurm["default-resources"].keys()
    rules = "".join(RULES.values())
    assert not re.search(r"partition|account|gpu_model|(?<!wildcard_)constraint", rules)


def test_the_users_settings_reach_the_jobs():
    settings = {"account": "me", "partition": "cpu", "gpu_partition": "fast", "gpu": "h100"}
    more = {"gpu_constraint": "big", "most_minutes": 700, "gpu_minutes": 90, "gpu_mem_mb": 9000}
    slurm = profile("slurm", **settings, **more)
    assert slurm["resources"]["runtime"] == 700
    default = slurm["default-resources"]
    assert (default["slurm_account"], default["slurm_partition"]) == ("me", "cpu")
    for keys in slurm["set-resources"].values():
        assert keys == {
            "gpu_model": "h100",
            "constraint": "big",
            "slurm_partition": "fast",
            "runtime": "90 * 2 ** (attempt - 1)",
            "mem_mb": "9000 * 2 ** (attempt - 1)",
        }
    for keys in profile("slurm", gpu="none")["set-resources"].values():
        assert keys == {"gpu": 0}


def test_the_settings_that_survive_an_outage_are_there():
    slurm = profile("slurm")
    assert slurm["slurm-status-attempts"] >= 120 and slurm["max-status-checks-per-second"] == 1
    assert slurm["retries"] >= 1 and slurm["rerun-incomplete"]


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        (["Slurmctld(primary) at a is DOWN", "Slurmctld(primary) at a is UP"], 2),
        (["Slurmctld(primary) at a is DOWN\nSlurmctld(backup) at b is UP"], 1),
        (["words of another version"], 1),
    ],
)
def test_a_submission_waits_for_the_controller(tmp_path, answers, asked):
    """Once it answers, Slurm's own sbatch gets the words as they are."""
    for number, answer in enumerate(answers, 1):
        (tmp_path / f"answer{number}").write_text(answer + "\n")
    asks = f"echo ping >> {tmp_path}/asked; cat {tmp_path}/answer$(wc -l < {tmp_path}/asked)"
    stand_ins = {"scontrol": asks, "sleep": "true", "sbatch": "printf '%s|' \"$@\""}
    for name, script in stand_ins.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    ours = ROOT / "slurm" / "bin"
    path = os.pathsep.join(map(str, [ours, tmp_path, ours, os.environ["PATH"]]))
    words = ["--parsable", "--wrap=a 'b' \"c\""]
    environment = os.environ | {"PATH": path}
    done = subprocess.run(
        [ours / "sbatch", *words], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "".join(f"{word}|" for word in words)
    assert (tmp_path / "asked").read_text() == "ping\n" * asked


def test_that_sbatch_is_found_first(monkeypatch):
    monkeypatch.setenv("PATH", os.environ["PATH"])
    for _ in range(2):
        look_first_in(ROOT / "slurm" / "bin")
        assert shutil.which("sbatch") == str(ROOT / "slurm" / "bin" / "sbatch")
        assert os.environ["PATH"].count(str(ROOT / "slurm")) == 1
    assert shutil.which("git")


@pytest.mark.parametrize(("listed", "gpus"), [("0, GPU-a\n1, GPU-b\n", 2), ("", 1_000_000)])
def test_the_local_profile_counts_the_gpus(tmp_path, monkeypatch, listed, gpus):
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\nprintf '{listed}'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.chdir(ROOT)
    assert profile("local")["resources"]["gpu"] == gpus


def test_the_local_profile_counts_the_memory(tmp_path, monkeypatch):
    """What asks for more than there is runs alone, not never."""
    monkeypatch.chdir(ROOT)
    memory = profile("local")["resources"]["mem_mb"]
    kib = int(re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())[1])
    assert memory == pytest.approx(1.5 * kib / 2**10, abs=2)
    (tmp_path / "local").mkdir()
    resources = yaml.safe_dump({"resources": {"mem_mb": 1000}})
    (tmp_path / "local" / "config.yaml").write_text(resources)
    (tmp_path / "Snakefile").write_text(
        "rule all:\n    input: ['1', '2']\n"
        "rule one:\n    output: '{n,[12]}'\n    resources: mem_mb=600 * 1000\n"
        "    shell: 'echo {resources.mem_mb} > {output}; date +%s.%N >> {output}; sleep 1;'\n"
        "           ' date +%s.%N >> {output}'\n"
    )
    words = ["-m", "snakemake", "--profile", "local", "--cores", "2"]
    subprocess.run([sys.executable, *words], cwd=tmp_path, check=True, capture_output=True)
    runs = sorted((tmp_path / name).read_text().split() for name in "12")
    assert [run[0] for run in runs] == ["1000", "1000"]
    assert runs[0][2] < runs[1][1] or runs[1][2] < runs[0][1]


def test_every_job_asks_for_more_when_it_is_tried_again():
    for name, text in RULES.items():
        resources = dict(re.findall(r"(mem_mb|runtime)=(\w+)", text))
        if name not in COPIES:
            assert set(resources.values()) <= {
                "growing",
                "batch_runtime",
                "token_shard_runtime",
                "shard_runtime",
            }, name
            assert resources.keys() == {"mem_mb", "runtime"}, name


def test_plain_snakemake_knows_the_profiles(tmp_path):
    """Of a graph alone: no job runs, and no cluster is needed."""
    for name, more in (("slurm", []), ("local", ["--cores", "2"])):
        words = ["-m", "snakemake", "--profile", name, *more, "--dry-run", "--quiet", "all"]
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("settings", [{"gpu": "a100", "gpu_minutes": 90}, {"gpu": "none"}])
def test_settings_of_rules_that_a_study_lacks_do_no_harm(tmp_path, settings):
    """studies/msmarco_minilm.yaml makes no ranker."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(profile("slurm", **settings)))
    study = ["--configfile", "studies/msmarco_minilm.yaml", "--dry-run"]
    target = ["--", "results/msmarco_minilm/baselines.parquet"]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--profile", str(tmp_path), *study, *target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
