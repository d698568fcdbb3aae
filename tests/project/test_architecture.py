"""docs/architecture.md tells the truth: files and functions that its text names are there."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow_scripts"
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w./]+(?:\.(?:py|sql|md|yaml|toml|smk)|/))`", TEXT)))
BEHIND = r"((?:`\w+`(?:, | and )?)+)(?: [^`(;:]*)? \(`(relevance_neurons/[\w/]+\.py)`\)"
FUNCTIONS = re.findall(BEHIND, " ".join(TEXT.split()))
"""Functions, and in brackets behind them the file that they are in."""


@pytest.mark.parametrize("name", NAMED)
def test_what_it_names_is_there(name):
    library = SCRIPTS / "relevance_neurons"
    assert any((folder / name).exists() for folder in (ROOT, SCRIPTS, library, library / "report"))


@pytest.mark.parametrize(("names", "file"), FUNCTIONS)
def test_functions_are_where_it_says(names, file):
    text = (SCRIPTS / file).read_text(encoding="utf-8")
    for name in re.findall(r"\w+", names):
        assert re.search(rf"^(?:def|class) {name}\b|^{name}\b.* =", text, re.MULTILINE), name


def test_enough_is_named():
    assert len(NAMED) > 40 and len(FUNCTIONS) >= 10


def test_every_package_has_its_place():
    """In the table, in the contract that lint checks, and with three lines on what is in it."""
    library = SCRIPTS / "relevance_neurons"
    packages = {path.parent.name for path in library.glob("*/__init__.py")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]
    layers = [one.split(" | ") for one in contract["layers"]]
    known = [name for layer in layers for name in layer]
    assert packages | {"errors"} == set(known)
    table = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", TEXT, re.MULTILINE)
    assert table == list(reversed(known))
    for package in packages:
        text = (library / package / "__init__.py").read_text(encoding="utf-8")
        assert text.count("\n") <= 4 and re.search(r"Read \S+\.py", text), package
