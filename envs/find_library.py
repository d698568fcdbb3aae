"""Let the Python that runs this find the library of this clone, and put its command beside it.

In place of pip's -e, which cannot build under a path with braces, and writes the path of Python
into the command's first line, where neither spaces nor long paths are safe.
"""

import sys
import sysconfig
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1] / "workflow_scripts"
# -P: a file select.py of the folder that one stands in is no module of ours.
COMMAND = """\
#!/bin/sh
exec "$(dirname -- "$(readlink -f -- "$0")")/python" -P -m relevance_neurons "$@"
"""


def main() -> None:
    """Write relevance_neurons.pth beside the packages and relevance-neurons beside Python."""
    if sys.prefix == sys.base_prefix:
        sys.exit(f"Error: {sys.executable} is no virtual environment's; `make setup` makes one")
    site = Path(sysconfig.get_path("purelib"))
    (site / "relevance_neurons.pth").write_text(f"{LIBRARY}\n", encoding="utf-8")
    command = Path(sysconfig.get_path("scripts")) / "relevance-neurons"
    command.write_text(COMMAND, encoding="utf-8")
    command.chmod(0o755)


if __name__ == "__main__":
    main()
