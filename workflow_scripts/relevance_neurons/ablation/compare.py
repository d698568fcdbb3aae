"""What a ranker loses without neurons, measured and tested as a study does, all in memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import chain

import numpy as np
import polars as pl

from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.ablation.activations import measure_activations
from relevance_neurons.ablation.comparison import COLLECTION, Comparison
from relevance_neurons.ablation.conditions import UNABLATED, Condition, Settings, conditions
from relevance_neurons.ablation.measures import measure_rankings, parse_measure
from relevance_neurons.ablation.significance import ablation_effects
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import NEURON_COLUMNS
from relevance_neurons.rankers.heads import Heads
from relevance_neurons.rankers.pairs import warn_of_blanks
from relevance_neurons.rankers.reranker import Reranker, check_reranker
from relevance_neurons.running.frames import as_named_neurons, as_polars
from relevance_neurons.selection import ablation_kinds as kinds

logger = logging.getLogger(__name__)

_CANDIDATES = ("query_id", "query", "doc_id", "text", "gain")
FEW_QUERIES = 10
"""Fewer of them are warned of."""
_TAKEN = (kinds.UNPRUNED, kinds.SHUFFLED)


def compare(
    reranker: Reranker,
    ablations: pl.DataFrame | Mapping[str, pl.DataFrame],
    candidates: pl.DataFrame,
    measure: str = "nDCG@10",
    value: str = "zero",
    random_draws: int = 5,
    seed: int = 0,
    significance: float = 0.05,
    activations: pl.DataFrame | None = None,
) -> Comparison:
    """Re-rank ``candidates`` with and without neurons, and test what the ranker loses.

    ``ablations``: neurons (a frame with layer, component, neuron), or several such sets by name.
    ``candidates`` (polars or pandas): query_id, query, doc_id, text, gain; a row per passage of a
    query. gain is a whole number, 0 for a passage that is not relevant, null for one that is not
    judged, which counts as not relevant. ``measure`` is one of ir_measures'; the ideal ranking is
    that of the query's candidates. Equal scores rank by doc_id, the last first, as in trec_eval.
    Switched off, a neuron gives ``value``: "zero", or its "mean" of ``activations``
    (``measure_activations``; by default measured on the candidates).

    Each set is compared with ``random_draws`` sets of random neurons, as many in each layer and
    component; one of all value neurons of some heads with random whole heads of their layers.
    Tests are those of a study (``ablation_effects``), at the level ``significance``; Holm's
    correction is over all rows. ``seed`` is for the draws and the bootstrap.

        compare(ranker, {"top 1 %": select(scores, 1)}, candidates).frame()

    Raises ``UserError`` for a table that lacks something, a name that is taken, a neuron that the
    ranker does not have, and for candidates without a relevant passage.
    """
    check_reranker(reranker)
    sets = _sets(ablations)
    parse_measure(measure)  # told now, not after the re-ranking
    table = _checked(candidates)
    _warn_of_queries(table)
    texts = list(table.select("query", "text").iter_rows())
    warn_of_blanks(texts)
    settings = Settings(value, random_draws=_natural(random_draws), seed=seed)
    todo = _conditions(reranker, sets, texts, settings, activations)
    pairs = table.select("query_id", "doc_id")
    scores = rerank_under_ablations(reranker, texts, [one.neurons for one in todo])
    rankings = pl.concat(one.rows(pairs, row) for one, row in zip(todo, scores, strict=True))
    judged = table.drop_nulls("gain").select("query_id", "doc_id", grade="gain")
    measures = measure_rankings(rankings, judged, measure)
    of_collection = measures.select(pl.lit(COLLECTION).alias("collection"), pl.all())
    sizes = pl.DataFrame(
        {"scheme": list(sets), "n_neurons": [len(one) for one in sets.values()]}
    ).with_columns(top_percent=pl.lit(0.0))
    effects = ablation_effects(of_collection, sizes, significance, seed=seed)
    return Comparison(effects, measures, rankings, table, list(sets), significance)


def _conditions(
    reranker: Reranker,
    sets: Mapping[str, pl.DataFrame],
    texts: list[tuple[str, str]],
    settings: Settings,
    activations: pl.DataFrame | None,
) -> list[Condition]:
    """The whole ranker, each set switched off, and the random sets beside each."""
    if settings.value not in kinds.VALUES:
        raise UserError(f"value: {settings.value!r} was found; allowed: {', '.join(kinds.VALUES)}")
    for one in sets.values():
        if len(one):
            reranker.neurons.off(one)  # refuses what the ranker does not have
    if settings.value == "zero":  # nothing is read of them
        nothing = pl.lit(0.0)
        activations = reranker.neurons.frame().with_columns(mean=nothing, root_mean_square=nothing)
    elif activations is None:
        activations = measure_activations(reranker, texts)
    named = [
        _with_heads(reranker, name, one).select(
            pl.lit(name).alias("scheme"), pl.lit(0.0).alias("top_percent"), pl.all()
        )
        for name, one in sets.items()
    ]
    schemes = pl.concat(named, how="diagonal")
    found = conditions(schemes, reranker.neurons, activations, settings)
    return list(chain([UNABLATED], found))


def _with_heads(reranker: Reranker, name: str, neurons: pl.DataFrame) -> pl.DataFrame:
    """``neurons``, with their ``head`` where they are all values of some; the log says so."""
    try:
        found = Heads.of(reranker).of_values(neurons)
    except UserError:  # its heads cannot be told apart
        return neurons
    if found is None:
        return neurons
    n_heads = len(found.select("layer", "head").unique())
    logger.info("%s: %d whole heads, compared with random heads of their layers", name, n_heads)
    return found


def _sets(ablations: object) -> dict[str, pl.DataFrame]:
    """The neurons of each ablation by its name, each once."""
    named = dict(ablations) if isinstance(ablations, Mapping) else {"neurons": ablations}
    if not named:
        raise UserError("ablations: none was given; at least one set of neurons is needed")
    sets = {}
    for name, neurons in named.items():
        if not isinstance(name, str) or not name or ":" in name or name in _TAKEN:
            raise UserError(
                f"ablations: {name!r} cannot be a name; take a text without a colon that is not "
                f"{' or '.join(_TAKEN)}"
            )
        frame = as_polars(neurons, f"ablations[{name!r}]", NEURON_COLUMNS)
        neurons = as_named_neurons(frame.select(NEURON_COLUMNS), f"ablations[{name!r}]")
        sets[name] = neurons.unique(maintain_order=True)
    return sets


def _checked(candidates: object) -> pl.DataFrame:
    """The candidates with ids and texts as text and whole gains."""
    table = as_polars(candidates, "candidates", _CANDIDATES).select(_CANDIDATES)
    ids_and_texts = _CANDIDATES[:-1]
    for column in ids_and_texts:
        if table[column].null_count():
            raise UserError(f"candidates: {column} is missing in a row; every row needs one")
    table = table.with_columns(pl.col(ids_and_texts).cast(pl.String), gain=_gains(table["gain"]))
    double = table.select("query_id", "doc_id").is_duplicated()
    if double.any():
        query, document = table.filter(double).select("query_id", "doc_id").row(0)
        raise UserError(
            f"candidates: passage {document} of query {query} is there twice; once is allowed"
        )
    texts = table.group_by("query_id", maintain_order=True).agg(n=pl.col("query").n_unique())
    for query, n in texts.filter(pl.col("n") > 1).iter_rows():
        raise UserError(f"candidates: query {query} has {n} different texts; give it one")
    if not (table["gain"].fill_null(0) > 0).any():
        raise UserError(
            "candidates: no passage has a gain above 0, so no ranking is better than another; "
            "give relevant passages a gain of 1 or more"
        )
    return table


def _warn_of_queries(table: pl.DataFrame) -> None:
    """Say how many queries can show no loss, which a study leaves out, and where they are few."""
    best = table.group_by("query_id").agg(pl.col("gain").max())["gain"].fill_null(0)
    n_queries = len(best)
    if n_queries < FEW_QUERIES:
        # Way out: give more queries, each with its passages.
        logger.warning(
            "candidates: %d queries are few: intervals over them are too narrow, and one query "
            "more may turn the test",
            n_queries,
        )
    if n := int((best <= 0).sum()):
        logger.warning(
            "candidates: %d of %d queries have no passage with a gain above 0, so that no ranking "
            "of theirs is better than another: they lower both means and blur the tests; leave "
            "them out, as a study does",
            *(n, n_queries),
        )


def _gains(gains: pl.Series) -> pl.Series:
    """Whole numbers, of 0 and more; pandas has NaN for what is not there."""
    if not (gains.dtype.is_numeric() or gains.dtype in (pl.Boolean, pl.Null)):
        raise UserError(f"candidates: gain is of type {gains.dtype}; whole numbers are needed")
    found = gains.cast(pl.Float64).fill_nan(None).drop_nulls().to_numpy()
    wrong = found[(found < 0) | (found != np.floor(found))]
    if len(wrong):
        raise UserError(
            f"candidates: a gain of {wrong[0]:g} was found; it must be a whole number of 0 or more"
        )
    return gains.cast(pl.Float64).fill_nan(None).cast(pl.Int64)


def _natural(random_draws: int) -> int:
    if not isinstance(random_draws, int) or random_draws < 0:
        raise UserError(
            f"random_draws: {random_draws!r} was found; it must be a whole number of 0 or more"
        )
    return random_draws
