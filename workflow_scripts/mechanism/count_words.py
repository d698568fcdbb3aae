"""Rule count_words: in how many of a collection's documents each word is."""

from pathlib import Path
from tempfile import TemporaryDirectory

from relevance_neurons.mechanism.document_words import count_document_words
from relevance_neurons.running.job import job
from relevance_neurons.running.sql import write_sql


def main(documents: str, word_counts: str) -> None:
    """Count the words of ``documents``; chunks of counts wait in a folder that goes afterwards."""
    query = Path(__file__).with_suffix(".sql")
    with TemporaryDirectory() as folder:
        totals = count_document_words(documents, folder)
        counts = [str(file) for file in Path(folder).glob("*.parquet")]
        write_sql(query, word_counts, counts=sorted(counts), **totals._asdict())


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.documents, snakemake.output.word_counts)
