"""What ``compare`` gives: tables of effects, of queries and of rankings, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from relevance_neurons.running.shown_tables import html_table, text_table
from relevance_neurons.selection import ablation_kinds as kinds

COLLECTION = "candidates"
"""What the one collection is called in the tables of a study."""
_FRAME = (
    *("original", "pruned", "difference_percent", "ci_low", "ci_high", "p_value", "p_value_holm"),
    *("p_value_random", "n_queries", "n_neurons", "n_draws", "significant_holm"),
)
_SHOWN = {
    "ablation": "{}",
    "n_neurons": "{:,}",
    "original": "{:.3f}",
    "pruned": "{:.3f}",
    "difference_percent": "{:+.1f}",
    "ci_low": "{:+.1f}",
    "ci_high": "{:+.1f}",
    "p_value_holm": "{:.2g}",
}


@dataclass(repr=False)
class Comparison:
    """The ranker with and without each set of neurons, in the order in which they were given.

    ``effects`` is a row per ablation as ``ablation_effects`` gives them, with all its columns;
    ``measures`` and ``scores`` are what it rests on, as a study's tables ``measures`` and
    ``rerankings``.
    """

    effects: pl.DataFrame
    measures: pl.DataFrame
    scores: pl.DataFrame
    candidates: pl.DataFrame = field(repr=False)
    names: Sequence[str] = ()
    significance: float = 0.05

    @property
    def measure(self) -> str:
        """The name of the measure."""
        return str(self.measures["measure"][0])

    def frame(self) -> pl.DataFrame:
        """A row per ablation, and one of its random draws together (``random:NAME``).

        ablation, original, pruned (mean of the measure), difference_percent with its 95 % interval
        (ci_low, ci_high), p_value (paired t-test over queries), p_value_holm, p_value_random
        (against the draws), n_queries, n_neurons, n_draws, significant_holm.
        """
        rows = self.effects.rename({"scheme": "ablation"}).select("ablation", *_FRAME)
        return self._in_order(rows)

    def queries(self) -> pl.DataFrame:
        """A row per ablation and query: ablation, query_id, query, original, pruned, difference.

        original and pruned are the measure of the query; of random draws it is their mean. Those
        that lose most come first.
        """
        texts = self.candidates.select("query_id", "query").unique(maintain_order=True)
        whole = pl.col("scheme") == kinds.UNPRUNED
        original = self.measures.filter(whole).select("query_id", original="value")
        rows = (
            self.measures.filter(~whole)
            .group_by("scheme", "query_id", maintain_order=True)
            .agg(pruned=pl.col("value").mean())
            .join(original, on="query_id")
            .join(texts, on="query_id")
            .with_columns(difference=pl.col("pruned") - pl.col("original"))
            .sort("difference", "query_id")
            .select("scheme", "query_id", "query", "original", "pruned", "difference")
        )
        return self._in_order(rows.rename({"scheme": "ablation"}))

    def rankings(self) -> pl.DataFrame:
        """A row per passage in a ranking: ablation, draw, query_id, doc_id, score, rank, gain.

        ablation is ``none`` for the whole ranker; score is log p(relevant), rank counts from 1.
        Of equal scores the larger doc_id comes first, as where the measure was taken.
        """
        one = ["scheme", "draw", "query_id"]
        gains = self.candidates.select("query_id", "doc_id", "gain")
        rows = (
            self.scores.sort([*one, "score", "doc_id"], descending=[False] * 3 + [True] * 2)
            .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(one))
            .join(gains, on=["query_id", "doc_id"], how="left", maintain_order="left")
            .select(*one, "doc_id", "score", "rank", "gain")
        )
        return self._in_order(rows.rename({"scheme": "ablation"}))

    def _in_order(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The whole ranker, then each ablation before its random draws, as they were given."""
        order = [kinds.UNPRUNED]
        for name in self.names:
            order += [name, kinds.named(kinds.RANDOM, name)]
        places = pl.col("ablation").replace_strict(order, range(len(order)), return_dtype=pl.Int32)
        return rows.sort(places, maintain_order=True)

    def _caption(self) -> str:
        n = self.candidates["query_id"].n_unique()
        return (
            f"{self.measure} of {n} queries with and without neurons; change in %, its 95 % "
            f"interval, p after Holm's correction (significant up to {self.significance:g})"
        )

    def __repr__(self) -> str:
        return text_table(f"Comparison: {self._caption()}", self.frame(), _SHOWN)

    def _repr_html_(self) -> str:
        """The effects as a table, for a notebook."""
        return html_table(self._caption(), self.frame(), _SHOWN)
