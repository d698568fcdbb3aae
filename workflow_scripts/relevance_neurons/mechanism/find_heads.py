"""Which heads match words and which carry them into [CLS], by a stated rule and not by eye.

A head is *matching* where it looks from query words at their equals more than any head of the
rankers that learnt nothing does, and more than at shuffled passages (largest of all heads, in every
collection), in a layer where what is added to query words reaches the score: in the last one it
mostly does not. It is a *relevance* head where its direct path to the last residual stream moves
the score the way that the perturbation does (t-test over pairs, Holm over heads), and [CLS] looks
at the query in it more than in any head of the rankers that learnt nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from relevance_neurons.mechanism.reasons import why
from relevance_neurons.rankers.named_heads import check_heads

MOST_RELEVANCE_HEADS = 3
COLUMNS = (
    *("layer", "head", "is_matching", "is_relevance", "kind", "why"),
    *("match_attention", "null_shuffles", "null_rankers", "p_shuffles"),
    *("cls_query_share", "null_cls_query_share"),
    *("path_effect", "path_ci_low", "path_ci_high", "path_p_holm", "output_effect"),
    *("n_words", "path_perturbation", "n_path_pairs"),
)
Heads = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Rule:
    """``matching_heads``, ``relevance_heads``: (layer, head) that the study names instead."""

    significance: float = 0.05
    max_heads: int = 13
    seed: int = 0
    matching_heads: Heads | None = None
    relevance_heads: Heads | None = None


def find_heads(attention: pl.DataFrame, effects: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """The table heads, a row per head by layer and head.

    ``attention`` and ``effects``: as find_heads.sql and head_effects.sql give them. The strongest
    ``max_heads`` by match_attention match, the strongest ``MOST_RELEVANCE_HEADS`` by path_effect
    are relevance heads. n_path_pairs says on how many pairs path_effect is a mean; without any, and
    without random rankers, nothing is found. Raises ``UserError`` for a named head that the ranker
    does not have.
    """
    heads = attention.join(effects, on=["layer", "head"], how="left", maintain_order="left")
    heads = heads.with_columns(path_columns(heads["path_effects"], rule.seed))
    passes = {
        "looks": (pl.col("match_attention") > pl.col("null_rankers"))
        & (pl.col("p_shuffles") <= rule.significance),
        "reads": (pl.col("path_effect") > 0)
        & (pl.col("path_p_holm") <= rule.significance)
        & (pl.col("cls_query_share") > pl.col("null_cls_query_share")),
    }
    heads = heads.with_columns(
        *(test.fill_null(False).alias(name) for name, test in passes.items())
    ).with_columns(matches=pl.col("looks") & pl.col("query_is_read").fill_null(True))
    is_matching = _chosen(heads, "matches", "match_attention", rule.max_heads)
    is_relevance = _chosen(heads, "reads", "path_effect", MOST_RELEVANCE_HEADS)
    if rule.matching_heads is not None:
        is_matching = _named(heads, rule.matching_heads, "mechanism.matching_heads")
    if rule.relevance_heads is not None:
        is_relevance = _named(heads, rule.relevance_heads, "mechanism.relevance_heads")
    heads = heads.with_columns(is_matching=is_matching, is_relevance=is_relevance)
    named = (rule.matching_heads is not None, rule.relevance_heads is not None)
    reasons = [why(row, *named) for row in heads.iter_rows(named=True)]
    return heads.with_columns(_kind(), why=pl.Series(reasons, dtype=pl.String)).select(COLUMNS)


def path_columns(effects: pl.Series, seed: int) -> list[pl.Series]:
    """path_effect (mean), path_ci_low, path_ci_high, path_p_holm and n_path_pairs of each head.

    ``effects``: a list of numbers per head, one a pair; null or empty without pairs. Bootstrap over
    pairs, two-sided t-test against 0, Holm over all heads.
    """
    from relevance_neurons.ablation.verdicts import holm
    from relevance_neurons.statistics.bootstrap import mean_interval
    from relevance_neurons.statistics.paired_tests import paired_p

    lists = [np.array(one if one is not None else [], dtype=float) for one in effects]
    intervals = [mean_interval(one, seed=seed) if len(one) else (None,) * 3 for one in lists]
    p_values = pl.Series(
        [paired_p(np.zeros(len(one)), one, "heads") if len(one) > 1 else None for one in lists],
        dtype=pl.Float64,
    )
    corrected, _ = holm(p_values, pl.Series(["heads"] * len(lists)))
    columns = zip(("path_effect", "path_ci_low", "path_ci_high"), range(3), strict=True)
    return [
        *(pl.Series(name, [one[i] for one in intervals], dtype=pl.Float64) for name, i in columns),
        corrected.cast(pl.Float64).alias("path_p_holm"),
        pl.Series("n_path_pairs", [len(one) for one in lists], dtype=pl.Int32),
    ]


def _chosen(heads: pl.DataFrame, passed: str, strength: str, most: int) -> pl.Series:
    """The strongest of those that pass; of equally strong ones the lower ones."""
    ranked = heads.with_row_index("row").filter(passed)
    rows = ranked.sort(strength, "row", descending=[True, False]).head(most)["row"]
    return pl.int_range(len(heads), dtype=pl.UInt32, eager=True).is_in(rows.implode())


def _named(heads: pl.DataFrame, named: Heads, key: str) -> pl.Series:
    check_heads(named, heads["layer"].max() + 1, heads["head"].max() + 1, key)
    wanted = {(layer, head) for layer, head in named}
    return pl.Series([row in wanted for row in heads.select("layer", "head").iter_rows()])


def _kind() -> pl.Expr:
    both = pl.col("is_matching") & pl.col("is_relevance")
    return (
        pl.when(both)
        .then(pl.lit("both"))
        .when("is_matching")
        .then(pl.lit("matching"))
        .when("is_relevance")
        .then(pl.lit("relevance"))
        .otherwise(pl.lit("none"))
        .alias("kind")
    )
