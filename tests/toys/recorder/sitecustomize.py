"""On PYTHONPATH, it has every rule's script write which modules it had loaded when it ended.

A file for each process, named after its script, in the folder that LOADED_MODULES names; its first
line is PYTHONPATH.
"""

import atexit
import os
import re
import sys
from pathlib import Path


def _write() -> None:
    script = re.fullmatch(r"tmp[^.]*\.(\w+)\.py", Path(sys.argv[0]).name)
    if script:
        file = Path(os.environ["LOADED_MODULES"]) / f"{script[1]}.{os.getpid()}"
        file.write_text("\n".join([os.environ["PYTHONPATH"], *sorted(sys.modules)]))


if "LOADED_MODULES" in os.environ:
    atexit.register(_write)
