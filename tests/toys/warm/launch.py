"""Snakemake, with another Python for its jobs: launch.py PYTHON ARGUMENTS…"""

import sys

from snakemake.cli import main

sys.executable = sys.argv.pop(1)
if __name__ == "__main__":
    main()
