"""A Python for the jobs of tests, in which torch is loaded already (warm/server.py)."""

from __future__ import annotations

import atexit
import shlex
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

HERE = Path(__file__).with_name("warm")


@cache
def warm_python() -> Path:
    """A program to run jobs with, as long as this process runs."""
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    server, said = folder / "socket", folder / "log"
    with said.open("w") as log:
        words = [sys.executable, str(HERE / "server.py"), str(server)]
        process = subprocess.Popen(words, stdout=log, stderr=log)
    atexit.register(process.kill)
    while not server.exists():
        assert process.poll() is None, said.read_text()
        time.sleep(0.05)
    client = [sys.executable, "-IS", str(HERE / "client.py"), sys.executable, str(server)]
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(client)} "$@"\n')
    program.chmod(0o755)
    return program


def warm(command: list[str]) -> list[str]:
    """A ``command`` of Snakemake's, with jobs that start warm."""
    return [sys.executable, str(HERE / "launch.py"), str(warm_python()), *command[1:]]
