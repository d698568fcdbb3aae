"""python -m study FILE prints the study's name: the Makefile asks before it starts Snakemake."""

import sys

from study.reading import StudyError, read_yaml

try:
    print(read_yaml(sys.argv[1])["study"])
except StudyError as mistake:
    sys.exit(f"Error: {mistake}")
