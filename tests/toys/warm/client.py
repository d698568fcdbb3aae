"""What Snakemake takes for Python: has the server run the jobs with a ranker; else it is Python."""

import json
import os
import socket
import sys
from pathlib import Path

PYTHON, PROGRAM, SERVER = (
    os.environ.pop(f"WARM_{name}") for name in ("PYTHON", "PROGRAM", "SERVER")
)
WORDS = sys.argv[1:]
# A module (Snakemake, or what becomes it) starts with this program as its Python.
MODULE = f"""-cimport runpy, sys
sys.executable = {PROGRAM!r}
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)"""


def is_with_ranker():
    """Whether it is a job of a study that loads a ranker."""
    if len(WORDS) != 1 or "/.snakemake/scripts/" not in WORDS[0]:
        return False
    script = Path(WORDS[0]).read_text(encoding="utf-8")
    return "ranker_job(" in script or "load_reranker" in script


if WORDS[:1] == ["-m"]:
    os.execv(PYTHON, [PYTHON, MODULE, *WORDS[1:]])
if not is_with_ranker():
    os.execv(PYTHON, [PYTHON, *WORDS])
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(SERVER)
    socket.send_fds(connection, [b"0"], [0, 1, 2])
    asked = {"script": WORDS[0], "folder": str(Path.cwd()), "environment": dict(os.environ)}
    connection.sendall(json.dumps(asked).encode() + b"\n")
    # Nothing comes of a script that was killed.
    sys.exit(int(connection.recv(4) or 1))
