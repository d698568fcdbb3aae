"""relevance-neurons study: write a study file and check one, with the workflow of a clone.

What it does stands beside the workflow's other readers of study files, in study/new.py and
study/check.py of workflow_scripts; this finds the clone and hands over what was given.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Annotated

from cyclopts import App, Parameter

from relevance_neurons.errors import UserError

NEW_EPILOGUE = """\
Examples:

    relevance-neurons study new my_study.yaml
    relevance-neurons study new my_study.yaml --ranker RANKER --collection mine=FOLDER --yes
    relevance-neurons study new my_study.yaml --ranker RANKER --collection np=docstrings:numpy --yes
"""
CHECK_EPILOGUE = """\
Examples:

    relevance-neurons study check my_study.yaml
"""
_MARKS = ("Snakefile", "workflow_scripts/study")
Workflow = Annotated[Path | None, Parameter(name="--workflow")]


def make_app() -> App:
    """The command study with its two commands."""
    app = App(name="study", help="Write a study file for the workflow, or check one.")
    app.command(new, help_epilogue=NEW_EPILOGUE)
    app.command(check, help_epilogue=CHECK_EPILOGUE)
    return app


def new(
    file: Path | None = None,
    *,
    ranker: str | None = None,
    collection: Annotated[list[str] | None, Parameter(negative=())] = None,
    name: str | None = None,
    max_length: int | None = None,
    max_pairs: int = 50,
    max_queries: int = 25,
    candidates: int = 10,
    random_draws: int = 5,
    check_ranker: Annotated[bool, Parameter(negative="--no-check-ranker")] = True,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative=())] = False,
    workflow: Workflow = None,
) -> None:
    """Write a commented study file from a ranker and collections.

    On a terminal it asks for what is not given. The ranker's config and the collections' files are
    looked at, the file is checked as the workflow checks it, and what it would cost on this machine
    is said.

    Args:
        file: The study file to write. Default: the study's name with .yaml.
        ranker: Folder of a cross-encoder (written by save_pretrained), or a hub id.
        collection: NAME=WHAT; may be given several times. WHAT is a folder with documents (or
            docs), queries and qrels; docstrings:PACKAGE; an ir_datasets id; or keys as in a study
            file, {source: files, documents: d.tsv, …, relevant: [2, 3], domain: in}.
        name: The study's name; results go to results/NAME. Default: that of the file.
        max_length: Tokens of a pair. Default: what the ranker takes, at most 512.
        max_pairs: Pairs of each collection and label that are attributed.
        max_queries: Queries of each collection that are ranked without neurons.
        candidates: Passages of BM25 beside the relevant ones of each query.
        random_draws: Sets of random neurons beside each selection.
        check_ranker: Whether to read the ranker's config (needs the hub for a hub id).
        yes: Ask nothing: take what is given and the defaults, and write over the file.
        workflow: The clone of the project. Default: the working directory, or one above it.
    """
    given = {
        "max_length": max_length,
        "max_pairs": max_pairs,
        "max_queries": max_queries,
        "candidates": candidates,
        "random_draws": random_draws,
    }
    clone = find_workflow(workflow)
    make = _of_workflow(clone, "new")
    make.new_study(clone, file, name, ranker, collection or [], given, check_ranker, yes)


def check(file: Path, *, workflow: Workflow = None) -> None:
    """Say what a study would run, how long it takes and how big it is; nothing is run.

    Args:
        file: The study file.
        workflow: The clone of the project. Default: the working directory, or one above it.
    """
    clone = find_workflow(workflow)
    _of_workflow(clone, "check").check_study(clone, file)


def find_workflow(given: Path | None) -> Path:
    """The clone: the folder given, else the working directory or the first of its parents.

    Raises ``UserError`` where there is none.
    """
    here = Path.cwd()
    for folder in [given.absolute()] if given is not None else [here, *here.parents]:
        if all((folder / mark).exists() for mark in _MARKS):
            return folder
    raise UserError(
        f"study: no clone of the project {f'in {given}' if given else f'in {here} or above it'}; "
        "clone it, and run the command in it or name it by --workflow"
    )


def _of_workflow(clone: Path, name: str) -> ModuleType:
    """A module of the clone's package study; ``UserError`` where its packages are missing."""
    scripts = str(clone / "workflow_scripts")
    if scripts not in sys.path:
        sys.path.append(scripts)
    try:
        if find_spec("snakemake") is None:
            raise ModuleNotFoundError(name="snakemake")
        return import_module(f"study.{name}")
    except ModuleNotFoundError as error:
        raise UserError(
            f"study: the package {error.name} is not installed; pip install "
            "'relevance-neurons[workflow]', or `make setup` in the clone"
        ) from error
