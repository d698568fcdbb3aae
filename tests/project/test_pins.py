"""Versions stand in pyproject.toml alone: `make pins` would write every other list as it is."""

import re
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from envs import write_pins

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = write_pins.read_project()
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
TEXTS = write_pins.write_lists(PYPROJECT, CONSTRAINTS.splitlines())
PINNED = {
    name: pin.split("==")[1]
    for file, pins in write_pins.read_lists(PYPROJECT).items()
    if file
    != "requirements-oldest.txt"  # they lie beside the others: tests/report/test_database.py
    for name, pin in pins.items()
}


@pytest.mark.parametrize("file", TEXTS)
def test_the_lists_are_those_of_pyproject(file):
    assert (ROOT / file).read_text(encoding="utf-8") == TEXTS[file], "`make pins` writes it"


def test_every_package_that_users_install_is_pinned_within_its_range():
    """And nothing else is: the ranges are what pip reads, the pins what all is tested with."""
    project, pins = PYPROJECT["project"], PYPROJECT["tool"]["relevance-neurons"]["pins"]
    extras = project["optional-dependencies"].values()
    given = [Requirement(one) for one in chain(project["dependencies"], *extras)]
    ranges = {one.name: one.specifier for one in given if one.name != project["name"]}
    assert ranges.keys() == pins.keys()
    outside = [name for name, version in pins.items() if version not in ranges[name]]
    assert not outside and all("==" not in str(one) for one in ranges.values())


def test_every_list_is_made():
    there = [*ROOT.glob("requirements*.txt"), *ROOT.glob("constraints*.txt")]
    there += ROOT.glob("envs/*.yaml")
    assert {path.relative_to(ROOT).as_posix() for path in there} == set(TEXTS)


def test_every_rule_has_its_conda_file():
    named = set()
    for rules in ROOT.glob("rules/*.smk"):
        named |= set(re.findall(r'"\.\./envs/(\w+\.yaml)"', rules.read_text()))
    assert named == {path.name for path in ROOT.glob("envs/*.yaml")}


def test_torch_is_not_in_the_constraints():
    """Its local version differs from machine to machine."""
    assert not re.search("^torch==", CONSTRAINTS, re.MULTILINE)


@pytest.mark.parametrize("file", ["pyproject.toml", *TEXTS])
def test_no_list_names_a_folder_or_a_host(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not re.search(r"://|file:|find-links|index-url|(?<![\w.*])/\w| @ ", text)


def test_what_is_of_one_machine_is_left_out():
    found = ["torch==2.13.0+cpu", "nvidia-nccl-cu13==2.29", "torchmetrics==1.0", "# a comment", ""]
    assert write_pins.constraints_file(found, {"torch": "torch==2.13.0"}).splitlines()[3:] == [
        "torchmetrics==1.0"
    ]


@pytest.mark.parametrize("line", ["a @ file:///b/a.whl", "-e /b", "a==1+cpu", "a>=1"])
def test_a_lock_that_no_other_machine_could_use_is_refused(line):
    with pytest.raises(
        SystemExit, match=re.escape(f"constraints.txt: {line!r} is not name==version")
    ):
        write_pins.constraints_file([line], {})


def test_a_pinned_version_replaces_the_one_of_before():
    text = write_pins.constraints_file(["PuLP==1.0", "b==2"], {"pulp": "pulp==3.0", "c": "c==1"})
    assert text.splitlines()[3:] == ["b==2", "c==1", "PuLP==3.0"]


def test_a_conda_file_names_only_what_is_pinned():
    with pytest.raises(SystemExit, match="no version of other, which a conda file names"):
        write_pins.conda_file("3.11", ["a", "other"], {"a": "a==1"})


@pytest.mark.parametrize("name", PINNED)
def test_installed(name):
    assert version(name).split("+")[0] == PINNED[name]
