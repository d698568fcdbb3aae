"""A Python for the jobs of tests, in which torch is loaded already (warm/server.py)."""

from __future__ import annotations

import atexit
import shlex
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import psutil

HERE = Path(__file__).with_name("warm")


@cache
def _server() -> tuple[psutil.Popen, Path]:
    """The process that has loaded torch, as long as this one runs, and its socket."""
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    path, said = folder / "socket", folder / "log"
    with said.open("w") as log:
        words = [sys.executable, str(HERE / "server.py"), str(path)]
        process = psutil.Popen(words, stdout=log, stderr=log)
    atexit.register(process.kill)
    while not path.exists():
        assert process.poll() is None, said.read_text()
        time.sleep(0.05)
    return process, path


@cache
def warm_python() -> str:
    """A program to run jobs with, and modules that start jobs."""
    path = _server()[1]
    variables = f'WARM_PYTHON={shlex.quote(sys.executable)} WARM_PROGRAM="$0" WARM_SERVER={path}'
    # The script is to be the first word that is no option, as in a job of every other Python.
    code = f"-cimport runpy; runpy.run_path({str(HERE / 'client.py')!r})"
    program = path.with_name("python")
    program.write_text(
        f'#!/bin/sh\n{variables} exec {shlex.join([sys.executable, "-IS", code])} "$@"\n'
    )
    program.chmod(0o755)
    return str(program)


def warm(command: list[str]) -> list[str]:
    """A ``command`` of Snakemake's, with jobs that start warm."""
    return [warm_python(), "-m", "snakemake", *command[1:]]


def working() -> list[psutil.Process]:
    """The processes that do the work of the jobs which run now."""
    return _server()[0].children()
