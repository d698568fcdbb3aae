"""Rule attribute_tokens: the score of every token of a shard of a collection's pairs."""

from collections.abc import Mapping

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.tokens.attribute_tokens import attribute_tokens
from relevance_neurons.tokens.layers import study_layers
from relevance_neurons.tokens.methods import LAYERED


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    names: Mapping[str, str],
    shard: tuple[int, int],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
    at: Mapping[str, object],
) -> None:
    """Score the tokens of a ``shard`` (k of n) of the pairs that are to be scored.

    ``given``: pairs, queries, documents and, where the method reads them, statistics; ``names``:
    collection and method, by the study's name of it; ``settings``: those of ``attribute_tokens``.
    A method with layers scores ``at`` layers (a list, or all) and layer, as ``study_layers`` takes
    them. Of scores and checks those are written that ``made`` has.
    """
    pairs = pl.read_parquet(given["pairs"])
    pairs = pairs.filter("is_scored") if "is_scored" in pairs.columns else pairs
    texts = pair_texts(pairs, given["queries"], given["documents"])
    ranker, settings = load_reranker(**reranker), dict(settings)
    if settings["method"] in LAYERED:
        settings["layer"] = study_layers(ranker, **at)
    if "statistics" in given:
        settings["statistics"] = pl.read_parquet(given["statistics"])
    found = attribute_tokens(ranker, texts, pairs["label"].to_list(), shard=shard, **settings)
    for kind, frame in (("scores", found.frame()), ("checks", found.checks())):
        keys = [pl.lit(value).alias(name) for name, value in names.items()]
        ids = pairs["query_id", "doc_id", "label"][frame["pair"]]
        rest = frame.drop("pair", "layer", "label", strict=False)
        row = [*keys, frame["layer"], *ids.iter_columns(), *rest.iter_columns()]
        if kind in made:
            write_parquet(frame.select(row), made[kind])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, of = snakemake.params, snakemake.wildcards
        names = {"collection": of.collection, "method": params.method}
        settings, shard = {**params.settings, "seed": params.seed}, (int(of.shard), params.n_shards)
        given, made = dict(snakemake.input.items()), dict(snakemake.output.items())
        main(given, made, names, shard, params.reranker, settings, params.at)
