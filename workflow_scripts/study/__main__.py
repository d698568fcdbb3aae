"""python -m study FILE prints the study's name: the Makefile asks before it starts Snakemake."""

import sys

from study.reading import StudyError, study_name

if len(sys.argv) != 2:
    sys.exit(
        f"Error: {len(sys.argv) - 1} words were given; one study file is needed, in quotes where "
        "its path has spaces"
    )
try:
    print(study_name(sys.argv[1]))
except StudyError as mistake:
    sys.exit(f"Error: {mistake}")
