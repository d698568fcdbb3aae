"""make compare: put studies that are done side by side, in results/compare_<a>_<b>/."""

import sys
from pathlib import Path

from relevance_neurons.errors import UserError
from relevance_neurons.report.study_comparison.compare import compare_studies
from relevance_neurons.report.study_comparison.find import find_databases, folder_name

RESULTS = Path("results")


def main(studies: str, results: Path = RESULTS) -> None:
    """Compare ``studies``: names under ``results``, folders or databases, as words of a shell."""
    comparison = compare_studies(find_databases(studies, results))
    folder = results / folder_name(list(comparison.studies))
    comparison.write(folder)
    for sentence in comparison.sentences():
        print(sentence)
    print(f"{folder / 'explorer.html'}: all of it to look at; the tables lie beside it")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except UserError as error:
        sys.exit(f"Error: {error}")
