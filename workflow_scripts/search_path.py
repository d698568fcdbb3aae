"""Where programs are looked for."""

import os
from pathlib import Path


def look_first_in(folder: Path) -> None:
    """Have this process, and those that it starts, find the programs of ``folder`` first."""
    others = [path for path in os.environ.get("PATH", "").split(os.pathsep) if path != str(folder)]
    os.environ["PATH"] = os.pathsep.join([str(folder), *others])
