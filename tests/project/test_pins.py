"""One list of versions: requirements.txt, pyproject.toml, envs/*.yaml and constraints.txt agree."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LISTS = ("requirements.txt", "requirements-dev.txt", "requirements-model.txt")


def pins(lines) -> dict[str, str]:
    """name -> version of lines like "name==1.2"; names in one spelling."""
    found = {}
    for line in lines:
        line = line.split("#")[0].strip()
        if line:
            name, _, number = line.partition("==")
            assert number, f"{line!r} is not pinned"
            found[re.sub(r"[-_.]+", "-", name).lower()] = number
    return found


REQUIRED = {
    name: number
    for file in LISTS
    for name, number in pins((ROOT / file).read_text().splitlines()).items()
}


def test_pyproject_agrees():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = pins([*project["dependencies"], *project["optional-dependencies"]["workflow"]])
    assert listed == pins((ROOT / "requirements.txt").read_text().splitlines())


@pytest.mark.parametrize("file", sorted(path.name for path in ROOT.glob("envs/*.yaml")))
def test_conda_files_agree(file):
    dependencies = yaml.safe_load((ROOT / "envs" / file).read_text())["dependencies"]
    listed = pins(dependencies[-1]["pip"])
    assert listed.items() <= REQUIRED.items()


def test_every_rule_has_its_conda_file():
    named = set()
    for rules in ROOT.glob("rules/*.smk"):
        named |= set(re.findall(r'"\.\./envs/(\w+\.yaml)"', rules.read_text()))
    assert named == {path.name for path in ROOT.glob("envs/*.yaml")}


def test_constraints_agree():
    constraints = pins((ROOT / "constraints.txt").read_text().splitlines())
    for name, number in REQUIRED.items():
        assert constraints.get(name, number) == number, name
    assert "torch" not in constraints  # its local version differs from machine to machine


@pytest.mark.parametrize("name", REQUIRED)
def test_installed(name):
    assert version(name).split("+")[0] == REQUIRED[name]
