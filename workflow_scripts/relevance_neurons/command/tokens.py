"""relevance-neurons tokens: score every token of pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from relevance_neurons.command.options import Labels, RankerOptions, ResultOptions

if TYPE_CHECKING:
    import polars as pl

    from relevance_neurons.rankers.reranker import Reranker
    from relevance_neurons.tokens.token_attribution import TokenAttribution

TokenMethod = Literal[
    "information_bottleneck", "integrated_gradients", "lime", "leave_one_out", "random"
]

EPILOGUE = """\
Examples:

    relevance-neurons tokens RANKER pairs.tsv
    relevance-neurons tokens RANKER pairs.tsv --output tokens.html
    relevance-neurons tokens RANKER pairs.tsv --method integrated_gradients -o tokens.parquet
"""


def tokens(
    model: str,
    pairs: Path,
    *,
    label: Labels | None = None,
    method: TokenMethod = "leave_one_out",
    layer: int | None = None,
    seed: int = 0,
    ranker: RankerOptions = RankerOptions(),  # noqa: B008
    results: ResultOptions = ResultOptions(),  # noqa: B008
) -> None:
    """Score every token of pairs: which words a ranker's judgment rests on.

    Printed are the tokens with the largest scores of each pair; --output has all, and in a file
    that ends in .html the texts are coloured by them.

    Args:
        model: Folder of a cross-encoder or MonoT5 (written by save_pretrained), or a hub id.
        pairs: A .tsv or .csv file with a header, or .jsonl, with query, passage and, if you like,
            label (relevant, non_relevant; 1, 0): what is explained is the probability of it.
        label: Take every pair as one of this label, whatever the file says.
        method: How tokens are scored (docs/tokens.md).
        layer: Of information_bottleneck: the layer, from 0, behind which it sits. Default: the
            one at two thirds of the depth.
        seed: Of the methods that draw at random.
    """
    from relevance_neurons.command.files import read_pairs
    from relevance_neurons.command.results import check_output, give

    check_output(results, more=(".html",))
    texts = read_pairs(pairs, label)
    found = score_tokens(ranker.load(model), texts, method, layer, seed)
    frame = with_ids(found.frame(), texts)
    if results.output is not None and results.output.suffix == ".html":
        _write_page(frame, with_ids(found.checks(), texts), method, results.output)
    top = strongest_tokens(frame, texts, results.rows)
    title = f"Tokens with the largest scores, by {method.replace('_', ' ')}"
    give(frame, replace(results, rows=len(top)), title, top)


def strongest_tokens(frame: pl.DataFrame, pairs: pl.DataFrame, most: int = 5) -> pl.DataFrame:
    """The tokens of each pair with the largest scores, pair by pair; special ones are left out."""
    columns = ("query_id", "doc_id", "label", "part", "position", "token", "word", "score")
    words = frame.filter(frame["word_number"].is_not_null()).sort("score", descending=True)
    top = words.group_by("query_id", "doc_id", maintain_order=True).head(most)
    order = pairs.select("query_id", "doc_id")
    joined = order.join(top, on=["query_id", "doc_id"], maintain_order="left_right")
    return joined.select(columns)


def score_tokens(
    reranker: Reranker, pairs: pl.DataFrame, method: str, layer: int | None = None, seed: int = 0
) -> TokenAttribution:
    """The scores of the tokens of ``pairs`` (query, passage, label).

    Raises ``UserError`` as ``attribute_tokens``.
    """
    from relevance_neurons.tokens.attribute_tokens import attribute_tokens
    from relevance_neurons.tokens.methods import LAYERED, two_thirds

    if method in LAYERED and layer is None:
        layer = two_thirds(reranker.neurons.n_layers)
    texts, labels = pairs.select("query", "passage").rows(), pairs["label"].to_list()
    return attribute_tokens(reranker, texts, labels, method, layer, seed=seed)


def with_ids(frame: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """``frame`` (pair, …) with query_id, doc_id and label of its pairs in the place of pair."""
    import polars as pl

    names = pairs.with_row_index("pair").select(
        pl.col("pair").cast(pl.Int32), "query_id", "doc_id", "label"
    )
    others = [name for name in frame.columns if name not in names.columns]
    joined = frame.select("pair", *others).join(names, on="pair", maintain_order="left")
    return joined.select("query_id", "doc_id", "label", *others)


def _write_page(frame: pl.DataFrame, checks: pl.DataFrame, method: str, path: Path) -> None:
    """The coloured texts, as a study has them."""
    import polars as pl

    from relevance_neurons.running.outputs import write_text
    from relevance_neurons.tokens.html import token_map_page

    collection = pl.lit("pairs").alias("collection")
    scores = frame.with_columns(collection, pl.lit(method).alias("method"))
    write_text(token_map_page(scores, checks.with_columns(collection)), path)
