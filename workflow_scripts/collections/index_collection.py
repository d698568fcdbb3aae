"""Rule index_collection: the index in which BM25 looks for passages, once for all that search."""

from collections.abc import Mapping
from pathlib import Path

from relevance_neurons.collections.retrieval import Bm25, build_index
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import whole


def main(documents: str, index: str, bm25: Mapping[str, object]) -> None:
    """Index the documents, which stream from their file, in the folder ``index``."""
    with whole(index) as folder:
        build_index(Path(documents), folder, Bm25(**bm25))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.documents, snakemake.output.index, snakemake.params.bm25)
