"""Rule trace_path: F and two neurons along the path of one real pair (figure 1)."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.attribution.path_example import median_pair, trace_path
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(given, path_example: str, reranker: Mapping, settings: Mapping, of: Mapping) -> None:
    """``of``: collection, label and example, a pair's ids; by default the pair of median change."""
    query_id, doc_id = (
        (of["example"]["query_id"], of["example"]["doc_id"])
        if of["example"]
        else median_pair(pl.read_parquet(given["checks"]))
    )
    pair = pl.DataFrame({"query_id": [query_id], "doc_id": [doc_id]})
    try:
        (text,) = pair_texts(pair, given["queries"], given["documents"])
    except UserError:
        raise UserError(
            f"example: query {query_id} with document {doc_id} was found; a pair of ids of "
            f"{of['collection']} (sanity.collection) is needed"
        ) from None
    scores, ranker = pl.read_parquet(given["scores"]), load_reranker(**reranker)
    found = trace_path(ranker, text, scores, of["label"], settings["baseline"], settings["target"])
    ids = {"query_id": query_id, "doc_id": doc_id, "label": of["label"]}
    names = [pl.lit(value).alias(name) for name, value in ids.items()]
    write_parquet(found.select(*names, pl.all()), path_example)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, output = snakemake.params, snakemake.output.path_example
        main(snakemake.input, output, params.reranker, params.settings, params.of)
