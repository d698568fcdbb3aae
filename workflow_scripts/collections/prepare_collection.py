"""Prepare a collection: its documents, queries and judgments as tables, from any source."""

from relevance_neurons.collections.sources import open_dataset
from relevance_neurons.collections.tables import write_collection
from relevance_neurons.running.job import job


def main(documents, queries, qrels, *, collection, source, judgments, seed) -> None:
    """Write collections/{collection}/documents.parquet, queries.parquet and qrels.parquet.

    ``judgments``: relevant, non_relevant, scale, own_document of ``write_collection``.
    """
    dataset = open_dataset(source["source"], source, seed)
    on_dangling = source.get("on_dangling", "drop")
    write_collection(
        dataset, documents, queries, qrels, collection, on_dangling=on_dangling, **judgments
    )


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.output.documents,
            snakemake.output.queries,
            snakemake.output.qrels,
            collection=snakemake.wildcards.collection,
            source=snakemake.params.source,
            judgments=snakemake.params.judgments,
            seed=snakemake.params.seed,
        )
