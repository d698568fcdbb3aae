"""Let a virtual environment find this clone's library, and the command relevance-neurons.

In place of ``pip install -e``, which cannot build under a path with braces. The environment's own
Python runs it: `make setup` does.
"""

import sysconfig
from pathlib import Path

from pip._vendor.distlib.scripts import ScriptMaker  # pip's own way to write its scripts

ENTRY = "relevance-neurons = relevance_neurons.command.main:main"


def main() -> None:
    """Write the path file and the script."""
    library = Path(__file__).resolve().parents[1] / "workflow_scripts"
    paths = Path(sysconfig.get_path("purelib"), "relevance_neurons.pth")
    paths.write_text(f"{library}\n", encoding="utf-8")
    maker = ScriptMaker(None, sysconfig.get_path("scripts"))
    maker.clobber = True
    maker.variants = {""}  # without another of this version of Python
    maker.set_mode = True
    maker.make(ENTRY)


if __name__ == "__main__":
    main()
