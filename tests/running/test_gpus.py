"""GPUs are taken in turns: with a stand-in for the driver's command, and real processes."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from relevance_neurons.running.gpus import one_gpu, visible_gpus

TAKE = """
import sys
from pathlib import Path
from relevance_neurons.running.gpus import one_gpu
with one_gpu(sys.argv[1]) as gpu:
    print(gpu, flush=True)
    sys.stdin.readline()
"""
WORKFLOW_SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    """A machine with two, as its driver lists them."""
    command = tmp_path / "bin" / "nvidia-smi"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\nprintf '0, GPU-aa\\n1, GPU-bb\\n'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return tmp_path


def take(folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", TAKE, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(WORKFLOW_SCRIPTS)},
    )


@pytest.mark.parametrize("end", ["ends", "is killed"])
def test_each_process_has_its_own_and_the_third_waits(two_gpus, end):
    first, second = take(two_gpus), take(two_gpus)
    taken = [one.stdout.readline().strip() for one in (first, second)]
    assert sorted(taken) == ["GPU-aa", "GPU-bb"]
    third = take(two_gpus)
    assert select.select([third.stdout], [], [], 3) == ([], [], [])
    if end == "ends":
        second.communicate("\n")
    else:
        second.kill()
    assert third.stdout.readline().strip() == taken[1]
    for one in (first, third):
        one.communicate("\n")


def test_the_process_sees_one_and_afterwards_all_again(two_gpus):
    with one_gpu(two_gpus) as gpu:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == gpu == "GPU-aa"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize(
    ("allowed", "found"),
    [
        ("1", ["GPU-bb"]),
        ("GPU-aa", ["GPU-aa"]),
        ("GPU-b", ["GPU-bb"]),
        ("GPU-", []),
        ("", []),
        ("0,1", None),
        ("1,-1,0", ["GPU-bb"]),
        ("MIG-cc,0", ["MIG-cc", "GPU-aa"]),
    ],
)
def test_the_users_choice_is_kept(two_gpus, monkeypatch, allowed, found):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert visible_gpus() == (["GPU-aa", "GPU-bb"] if found is None else found)
    with one_gpu(two_gpus):
        pass
    assert os.environ["CUDA_VISIBLE_DEVICES"] == allowed


def test_slurm_gives_its_own(two_gpus, monkeypatch):
    """Of several that it gives, as to an allocation in which jobs run, each takes one."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with one_gpu(two_gpus) as gpu:
        assert gpu == "GPU-aa"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with one_gpu(two_gpus) as gpu:
        assert gpu is None and os.environ["CUDA_VISIBLE_DEVICES"] == "1"


def test_without_a_driver_there_is_nothing_to_take(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with one_gpu(tmp_path) as gpu:
        assert gpu is None
    assert not list(tmp_path.iterdir())
