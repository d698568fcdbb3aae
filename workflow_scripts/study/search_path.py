"""Where programs and modules are looked for."""

import os
from pathlib import Path


def look_first_in(folder: Path, variable: str = "PATH") -> None:
    """Have this process, and those that it starts, look in ``folder`` first.

    An empty entry, which would be the current folder, goes. ``variable``: PATH for programs,
    PYTHONPATH for modules (of processes that it starts).
    """
    others = os.environ.get(variable, "").split(os.pathsep)
    kept = [path for path in others if path not in ("", str(folder))]
    os.environ[variable] = os.pathsep.join([str(folder), *kept])
