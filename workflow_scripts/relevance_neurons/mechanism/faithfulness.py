"""Is what was found what the ranker ranks with? Its score and its rankings with those heads alone.

Needed is more than that found heads matter: that the rest can go (sufficiency). The control are
random heads, as many in each layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from relevance_neurons.ablation.measures import measure_rankings, shuffled_rankings
from relevance_neurons.mechanism.kept_heads import kept_logits, mean_outputs
from relevance_neurons.mechanism.ranking_values import as_ranking, ranking_values
from relevance_neurons.rankers.heads import Head, Heads
from relevance_neurons.rankers.named_heads import check_heads
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.statistics.bootstrap import bounds, mean_interval, resampled_means

N_ORDERS = 200
"""Random orders of passages that tie: their mean stands in for what ids would decide."""
_DECIMALS = 5
"""Of logits that rank: without heads all passages have one score, whose rounding is no ranking."""
_SHARE = ("score_share", "score_share_low", "score_share_high")
_VALUE = ("value", "value_share", "value_low", "value_high")
FAITHFULNESS = pl.Schema(
    {"collection": pl.String, "kept": pl.String, "draw": pl.Int64, "n_heads": pl.Int64}
    | dict.fromkeys(_SHARE, pl.Float64)
    | {"n_pairs": pl.Int64, "measure": pl.String}
    | dict.fromkeys(_VALUE, pl.Float64)
    | dict.fromkeys(("n_queries", "n_small"), pl.Int64)
)


class Kept(NamedTuple):
    """A set of heads that is kept: its name, its draw (0 but for random sets), and the heads."""

    name: str
    draw: int
    heads: tuple[Head, ...]


class Asked(NamedTuple):
    """What the measure of rankings is asked of, and how.

    ``rankings``: query_id, doc_id of the passages that are ranked; ``texts``: (query, passage) of
    each; ``qrels``, ``measure`` and ``ambiguous`` as in ``measure_rankings``.
    """

    rankings: pl.DataFrame
    texts: Sequence[tuple[str, str]]
    qrels: pl.DataFrame
    measure: str = "nDCG@10"
    ambiguous: str = "gain"


def kept_sets(heads: pl.DataFrame, shape: Heads, random_draws: int, seed: int) -> list[Kept]:
    """all, found (matching or relevance), matching, relevance, none, and random sets.

    ``heads``: layer, head, is_matching, is_relevance. A random set has as many heads in each layer
    as found, drawn without replacement from all heads of the layer (METHOD: random baseline), by
    the seed and the draw alone: every collection meets the same. Raises ``UserError`` for a head
    that the ranker does not have.
    """
    either = pl.col("is_matching") | pl.col("is_relevance")
    rows = {"found": either, "matching": pl.col("is_matching"), "relevance": pl.col("is_relevance")}
    sets = [Kept("all", 0, tuple(shape.frame().rows()))]
    for name, is_one in rows.items():
        own = heads.filter(is_one).select("layer", "head").rows()
        own = check_heads(own, shape.n_layers, shape.n_heads, "heads")
        sets.append(Kept(name, 0, tuple(own)))
    sets.append(Kept("none", 0, ()))
    counts = np.bincount([layer for layer, _ in sets[1].heads], minlength=shape.n_layers)
    for draw in range(random_draws):
        rng = np.random.default_rng([seed, draw])
        drawn = [
            (layer, int(head))
            for layer, n in enumerate(counts)
            for head in np.sort(rng.choice(shape.n_heads, n, replace=False))
        ]
        sets.append(Kept("random", draw, tuple(drawn)))
    return sets


def measure_faithfulness(
    reranker: Reranker,
    sets: Sequence[Kept],
    diagnostics: pl.DataFrame,
    asked: Asked,
    collection: str,
    smallest_change: float,
    seed: int,
) -> pl.DataFrame:
    """One row is a set of heads that is kept, the first of which is all: ``FAITHFULNESS``.

    ``diagnostics``: query, passage_before, passage_after, logit_before, logit_after of each
    diagnostic pair. All other heads put out their mean over the tokens of its (query,
    passage_before), or where there are no pairs of those of the rankings.

    score_share: how much of the change of the logit from before to after is left, over n_pairs
    pairs whose logit changes by ``smallest_change`` or more (n_small change by less): the ratio of
    mean changes, each taken in the direction in which the whole ranker's goes. It is the mean of
    the pairs' shares, weighed by their changes; 95 % percentile bootstrap over the queries' texts,
    each with all its pairs (several perturbations change the same passage). value: the mean over
    n_queries queries of the measure, its interval over queries; value_share: of the whole ranker's
    value. Without heads all passages tie: the mean over ``N_ORDERS`` random orders of them. Null
    without pairs or queries, a share also of a value of 0; bounds below two queries.
    """
    before, after = (
        reranker.encode(list(zip(diagnostics["query"], diagnostics[name], strict=True)))
        for name in ("passage_before", "passage_after")
    )
    ranked = reranker.encode(asked.texts)
    distinct = list(dict.fromkeys(one.heads for one in sets))
    logits = np.empty((len(distinct), 0))
    if before or ranked:
        means = mean_outputs(reranker, before or ranked)
        logits = kept_logits(reranker, [*before, *after, *ranked], distinct, means)
    first, second, rest = np.split(logits, [len(before), 2 * len(before)], axis=1)
    change = (diagnostics["logit_after"] - diagnostics["logit_before"]).abs().to_numpy()
    is_large = change >= smallest_change
    changes, queries = (second - first)[:, is_large], diagnostics["query"].to_numpy()[is_large]
    values = _values(rest, asked)
    if () in distinct and ranked:
        values[distinct.index(())] = _by_chance(asked, seed)
    rows = []
    for one in sets:
        place = distinct.index(one.heads)
        share = (*_share(changes[place], changes[0], queries, seed), changes.shape[1])
        value = (asked.measure, *_value(values[place], values[0], seed), values.shape[1])
        n_small = len(change) - changes.shape[1]
        rows.append((collection, one.name, one.draw, len(one.heads), *share, *value, n_small))
    return pl.DataFrame(rows, schema=FAITHFULNESS, orient="row")


def _share(
    kept: np.ndarray, whole: np.ndarray, queries: np.ndarray, seed: int, replicates: int = 10_000
) -> tuple[float | None, float | None, float | None]:
    """Of changes of pairs, (n_pairs,): the ratio of their means, its interval over ``queries``."""
    parts = np.array([kept * np.sign(whole), np.abs(whole)])
    if not parts[1].any():
        return None, None, None
    share = float(parts[0].sum() / parts[1].sum())
    names, own = np.unique(queries, return_inverse=True)
    if len(names) < 2:
        return share, None, None
    sums = np.array([np.bincount(own, part) for part in parts])
    means = resampled_means(sums, np.random.default_rng(seed), replicates)
    means = means[means[:, 1] > 0]
    (low,), (high,) = bounds((means[:, 0] / means[:, 1])[:, None])
    return share, low, high


def _value(
    kept: np.ndarray, whole: np.ndarray, seed: int
) -> tuple[float | None, float | None, float | None, float | None]:
    """Of the measure of queries, (n_queries,): mean, share of the whole's, and the interval."""
    if not len(kept):
        return None, None, None, None
    mean, low, high = mean_interval(kept, seed=seed)
    return mean, mean / float(whole.mean()) if whole.any() else None, low, high


def _values(logits: np.ndarray, asked: Asked) -> np.ndarray:
    """The measure of each query by the logits of each set: (n_sets, n_queries)."""
    if not logits.shape[1]:
        return np.empty((len(logits), 0))
    own = np.round(logits, _DECIMALS)
    return ranking_values(asked.rankings, own, asked.qrels, asked.measure, asked.ambiguous).copy()


def _by_chance(asked: Asked, seed: int) -> np.ndarray:
    """The measure of each query where all its passages tie: the mean over orders, (n_queries,)."""
    passages = as_ranking(asked.rankings, np.zeros(len(asked.rankings)), 0)
    orders = shuffled_rankings(passages, N_ORDERS, seed)
    found = measure_rankings(orders, asked.qrels, asked.measure, asked.ambiguous)
    return found["value"].to_numpy().reshape(N_ORDERS, -1).mean(0)


def judged_elsewhere(diagnostics: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Without the pairs by which relevance heads were chosen: on them they could not but do well.

    ``diagnostics`` has perturbation, ``heads`` is the table of that name.
    """
    chosen_by = heads.filter("is_relevance")["path_perturbation"].drop_nulls().unique()
    return diagnostics.filter(~pl.col("perturbation").is_in(chosen_by.implode()))
