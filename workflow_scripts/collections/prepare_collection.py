"""Prepare a collection: its documents, queries and judgments as tables, from any source."""

from relevance_neurons.collections.sources import open_dataset
from relevance_neurons.collections.tables import write_collection
from relevance_neurons.running.job import job


def main(documents, queries, qrels, *, collection, source, relevant, non_relevant, seed) -> None:
    """Write collections/{collection}/documents.parquet, queries.parquet and qrels.parquet."""
    dataset = open_dataset(source["source"], source, seed)
    write_collection(dataset, documents, queries, qrels, collection, relevant, non_relevant)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.output.documents,
            snakemake.output.queries,
            snakemake.output.qrels,
            collection=snakemake.wildcards.collection,
            source=snakemake.params.source,
            relevant=snakemake.params.relevant,
            non_relevant=snakemake.params.non_relevant,
            seed=snakemake.params.seed,
        )
