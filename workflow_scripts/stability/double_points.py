"""Rule double_points: some pairs with the points of the path that the study asks for and twice."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.attribution.pair_scores import Settings
from relevance_neurons.checks.doubled_points import double_points
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.running.job import ranker_job
from relevance_neurons.running.outputs import write_parquet


def main(
    given: Mapping[str, str],
    made: Mapping[str, str],
    labels: Sequence[str],
    reranker: Mapping[str, object],
    settings: Mapping[str, object],
    n_pairs: int,
) -> None:
    """Attribute the first ``n_pairs`` kept pairs of each of ``labels`` both ways."""
    kept, ranker = pl.read_parquet(given["pairs"]).filter("kept"), load_reranker(**reranker)
    found = {"neurons": [], "pairs": []}
    for label in labels:
        pairs = kept.filter(label=label).head(n_pairs)
        texts = pair_texts(pairs, given["queries"], given["documents"])
        neurons, rows = double_points(ranker, texts, Settings(label, **settings))
        rows = pl.concat([pairs.select("query_id", "doc_id"), rows], how="horizontal")
        for name, frame in (("neurons", neurons), ("pairs", rows)):
            found[name].append(frame.select(pl.lit(label).alias("label"), pl.all()))
    for name, frames in found.items():
        write_parquet(pl.concat(frames), made[name])


if __name__ == "__main__":
    with ranker_job(snakemake.log[0], snakemake.threads):
        params, given, made = snakemake.params, snakemake.input, snakemake.output
        main(given, made, params.labels, params.reranker, params.settings, params.n_pairs)
