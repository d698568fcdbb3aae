"""Rule degrade_tokens: how p(label) falls as a method's most or least important tokens go."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.tokens.degradation import degrade

IDS = ("query_id", "doc_id", "label")


def main(
    given: Mapping[str, str],
    degradation: str,
    names: Mapping[str, str],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
) -> None:
    """Remove tokens of every pair at every layer in the folder ``given["scores"]``.

    ``names``: collection and method; ``settings``: removals, orders and steps of ``degrade``.
    """
    files = sorted(Path(given["scores"]).glob("*.parquet"))
    read = ("layer", *IDS, "position", "score")
    scores = pl.concat(pl.read_parquet(file, columns=read) for file in files)
    pairs = scores.select(IDS).unique(maintain_order=True).with_row_index("pair")
    texts = pair_texts(pairs, given["queries"], given["documents"])
    numbered = scores.join(pairs, on=IDS, maintain_order="left")
    ranker = load_reranker(**reranker)
    found = degrade(ranker, texts, pairs["label"].to_list(), numbered, **settings)
    keys = [pl.lit(value).alias(name) for name, value in names.items()]
    ids = pairs.select(IDS)[found["pair"]].iter_columns()
    row = [*keys, found["layer"], *ids, *found.drop("pair", "layer").iter_columns()]
    write_parquet(found.select(row), degradation)


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, of, given = snakemake.params, snakemake.wildcards, snakemake.input
        names = {"collection": of.collection, "method": of.token_method}
        made = snakemake.output.degradation
        main(given, made, names, params.reranker, params.settings)
