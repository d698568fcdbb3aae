"""Runs scripts in forks of one process that has loaded what takes longest: torch and transformers.

A job with a ranker spends most of a test's time on that, which is the same in every one. Started
with the path of a socket; each connection is a script to run (client.py).
"""

from __future__ import annotations

import atexit
import fcntl
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import snakemake.script  # noqa: F401 - as what is below, loaded for the forks
import torch  # noqa: F401
from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: F401
from transformers.models.bert import modeling_bert  # noqa: F401


def code_of(script: str) -> int:
    """Run ``script`` as Python does, and give its exit status."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def die_with(connection: socket.socket) -> None:
    """Have the kernel kill this process as soon as the client is gone."""
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(connection, fcntl.F_GETFL)
    fcntl.fcntl(connection, fcntl.F_SETFL, flags | os.O_ASYNC)
    hung_up = select.poll()
    hung_up.register(connection, 0)
    if hung_up.poll(0):  # before the kernel was asked
        os._exit(1)


def work(connection: socket.socket) -> None:
    """Run the script that a client names, in its folder, with its environment and its streams."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, *_ = socket.recv_fds(connection, 1, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    line = connection.makefile().readline()
    die_with(connection)
    asked = json.loads(line)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    folders = [str(Path(asked["script"]).parent), *os.environ["PYTHONPATH"].split(os.pathsep)]
    sys.argv, sys.path[:0] = [asked["script"]], folders
    sys.modules.pop("sitecustomize", None)
    with suppress(ImportError):  # as Python does when it starts
        importlib.import_module("sitecustomize")
    code = code_of(asked["script"])
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(str(code).encode())
    os._exit(code)


def serve(path: str) -> None:
    """Fork for every connection, until killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(16)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                work(connection)
            connection.close()


if __name__ == "__main__":
    serve(sys.argv[1])
