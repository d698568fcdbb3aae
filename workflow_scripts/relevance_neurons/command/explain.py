"""relevance-neurons explain: what a ranker says of a pair, and what carries it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from relevance_neurons.command.options import Labels, RankerOptions, ResultOptions
from relevance_neurons.errors import UserError

if TYPE_CHECKING:
    import polars as pl

    from relevance_neurons.rankers.reranker import Reranker

EPILOGUE = """\
Examples:

    relevance-neurons explain RANKER --query "wing lift" --passage "the wing has lift"
    relevance-neurons explain RANKER pairs.tsv --first 2
    relevance-neurons explain RANKER pairs.tsv --format json
"""


def explain(
    model: str,
    pairs: Path | None = None,
    *,
    query: str | None = None,
    passage: str | None = None,
    label: Labels | None = None,
    first: int = 3,
    top_percent: float = 1.0,
    tokens: Annotated[bool, Parameter(negative="--no-tokens")] = True,
    seed: int = 0,
    ranker: RankerOptions = RankerOptions(),  # noqa: B008
    results: ResultOptions = ResultOptions(),  # noqa: B008
) -> None:
    """Say what a ranker thinks of a pair, which neurons carry it, and which tokens.

    For each pair: p(relevant); what it becomes without the strongest neurons, and without as many
    random ones of the same layers; these neurons, each with its share of how far the probability of
    the predicted label is from that of an empty pair (layers pass on the same change: shares of
    several do not add up to 1); the tokens whose loss changes it most.

    Args:
        model: Folder of a cross-encoder or MonoT5 (written by save_pretrained), or a hub id.
        pairs: A .tsv or .csv file with a header, or .jsonl, with query and passage.
        query: In the place of a file: the query,
        passage: and the passage.
        label: Explain the probability of this label. Default: the one that the ranker predicts.
        first: Pairs of the file that are explained.
        top_percent: How many neurons, in % of all, are switched off to see what is left.
        tokens: Whether to score the tokens too.
        seed: Of the random neurons.
    """
    from relevance_neurons.command.results import check_output

    check_output(results)
    if not 0 < top_percent <= 100:
        raise UserError(f"--top-percent: {top_percent} was found; a number up to 100 is needed")
    if first < 1:
        raise UserError(f"--first: {first} was found; a whole number from 1 is needed")
    texts = _given(pairs, query, passage).head(first)
    reranker = ranker.load(model)
    texts = _labelled(reranker, texts, label)
    carriers = []
    for row in texts.iter_rows(named=True):
        strongest = _strongest(reranker, row, top_percent)
        if results.format == "table":
            _tell(reranker, row, strongest, seed)
        carriers.append(strongest)
    if tokens and results.format == "table":
        _tell_tokens(reranker, texts)
    title = "Neurons that carry it (share: of the change of the label's probability)"
    _give(carriers, results, title)


def _given(pairs: Path | None, query: str | None, passage: str | None) -> pl.DataFrame:
    """The pairs of the file, or the one on the command line."""
    import polars as pl

    from relevance_neurons.command.files import read_pairs

    if pairs is not None and query is None and passage is None:
        return read_pairs(pairs, "relevant")
    if pairs is not None:
        raise UserError("explain: a file and a pair; give the file, or --query and --passage")
    if not query or not passage:
        raise UserError(
            "explain: no pair; give a file of pairs, or both --query and --passage with texts"
        )
    return pl.DataFrame({"query_id": "1", "doc_id": "1", "query": query, "passage": passage})


def _labelled(reranker: Reranker, texts: pl.DataFrame, label: str | None) -> pl.DataFrame:
    """The pairs with p_relevant, and as label the one that the ranker predicts, or ``label``."""
    import polars as pl

    scores = reranker.score(texts.select("query", "passage").rows()).double().exp()
    predicted = pl.when(pl.col("p_relevant") > 0.5).then(pl.lit("relevant"))
    return texts.with_columns(p_relevant=pl.Series(scores.tolist())).with_columns(
        label=pl.lit(label) if label else predicted.otherwise(pl.lit("non_relevant"))
    )


def _strongest(reranker: Reranker, row: dict, top_percent: float) -> pl.DataFrame:
    """The pair's neurons with the largest scores: layer, component, neuron, score, share."""
    import polars as pl

    from relevance_neurons.attribution.attribute import attribute
    from relevance_neurons.selection.select import select

    found = attribute(reranker, [(row["query"], row["passage"])], row["label"])
    check = found.checks().row(0, named=True)
    change = check["f_input"] - check["f_baseline"]
    top = select(found, top_percent).sort("score", descending=True, maintain_order=True)
    names = [
        pl.lit(row[name]).alias(name) for name in ("query_id", "doc_id", "label", "p_relevant")
    ]
    share = pl.col("score") / change if change else pl.lit(None, dtype=pl.Float64)
    return top.select(*names, "layer", "component", "neuron", "score", share.alias("share"))


def _tell(reranker: Reranker, row: dict, strongest: pl.DataFrame, seed: int) -> None:
    """Print the pair, what the ranker says of it, and what it says without its neurons."""
    from relevance_neurons.ablation.ablate import ablate
    from relevance_neurons.selection.random_draws import draw_like

    def without(neurons: pl.DataFrame) -> float:
        with ablate(reranker, neurons):
            return reranker.score([(row["query"], row["passage"])]).double().exp().item()

    own = strongest.select("layer", "component", "neuron")
    p, p_random = without(own), without(draw_like(own, reranker.neurons, 0, seed))
    print(f"{row['query']}\n  {shorten(row['passage'], 200, placeholder=' …')}")
    print(
        f"  p(relevant) {row['p_relevant']:.4f}; without its {len(own):,} strongest neurons "
        f"{p:.4f}, without as many random ones {p_random:.4f}\n"
    )


def _tell_tokens(reranker: Reranker, texts: pl.DataFrame) -> None:
    """Print the tokens whose loss changes the probability of the label most."""
    from relevance_neurons.command.results import print_table
    from relevance_neurons.command.tokens import score_tokens, strongest_tokens, with_ids

    found = score_tokens(reranker, texts, "leave_one_out")
    top = strongest_tokens(with_ids(found.frame(), texts), texts)
    print_table(top, "Tokens whose loss lowers the label's probability most", len(top))


def _give(carriers: Sequence[pl.DataFrame], results: ResultOptions, title: str) -> None:
    """The neurons of all pairs; in the table the first ``--rows`` of each."""
    import polars as pl

    from relevance_neurons.command.results import give

    shown = pl.concat(one.head(results.rows) for one in carriers)
    give(pl.concat(carriers), replace(results, rows=len(shown)), title, shown)
