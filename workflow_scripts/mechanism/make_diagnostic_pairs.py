"""Rule make_diagnostic_pairs: a collection's passages before and after perturbations."""

from collections.abc import Mapping

from relevance_neurons.mechanism.diagnostic_pairs import make_diagnostic_pairs
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    diagnostic_pairs: str,
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
    collection: Mapping[str, object],
) -> None:
    """Write the diagnostic pairs of a ``collection`` (name, language, seed).

    ``given``: documents, queries, qrels, word_counts; ``settings``: as of the section `mechanism`.
    Tokenizer and embeddings alone are looked at: a GPU would only have to be waited for.
    """
    files = {name: given[name] for name in ("documents", "queries", "qrels", "word_counts")}
    ranker, language, seed = (
        load_reranker(**reranker, device="cpu"),
        collection["language"],
        collection["seed"],
    )
    pairs = make_diagnostic_pairs(
        ranker, collection["name"], **files, settings=settings, language=language, seed=seed
    )
    write_parquet(pairs, diagnostic_pairs)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, table = snakemake.params, snakemake.output.diagnostic_pairs
        collection = {
            "name": snakemake.wildcards.collection,
            "language": params.language,
            "seed": params.seed,
        }
        main(snakemake.input, table, params.reranker, params.settings, collection)
