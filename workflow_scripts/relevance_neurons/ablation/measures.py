"""How good each ranking is, query by query, by ir_measures (trec_eval's definitions)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import count

import ir_measures
import numpy as np
import polars as pl
from ir_measures.providers import FallbackProvider

from relevance_neurons.collections.grades import with_labels
from relevance_neurons.errors import UserError
from relevance_neurons.selection.ablation_kinds import SHUFFLED

# Those that compute within this process; the others call Perl or are not installed.
_PROVIDERS = FallbackProvider([ir_measures.pytrec_eval, ir_measures.msmarco, ir_measures.judged])
_RANKING = ["scheme", "top_percent", "draw"]


def measure_rankings(
    scores: pl.DataFrame,
    qrels: pl.DataFrame,
    measure: str = "nDCG@10",
    ambiguous: str = "gain",
) -> pl.DataFrame:
    """The ``measure`` of every query in every ranking.

    ``scores`` (scheme, top_percent, draw, query_id, doc_id, score; higher is better) holds the
    rankings, ``qrels`` (query_id, doc_id, label, gain: ``label_grades``) the judgments that count;
    of qrels with a grade alone, grades above 0 are relevant and gain what they are.

    nDCG is trec_eval's: the gains of passages, discount 1 / log2(rank + 1), the ideal ranking that
    of all judgments of the query. In a binary measure what is labelled relevant counts. Ambiguous
    passages (no label) have their gain, or with ``ambiguous="unjudged"`` count as not judged. Ties
    are broken as in trec_eval: scores are compared in single precision, and of equal ones the
    document with the larger doc_id (by bytes) comes first.

    Returns scheme, top_percent, draw, query_id, measure, value, sorted, with every query of
    ``scores`` in every ranking; one without judgments or passages has the measure's default (0).
    Raises ``UserError`` for an unknown measure, ``ValueError`` for a score that is no number.
    """
    parsed = parse_measure(measure)
    if not scores["score"].is_finite().all():
        raise ValueError("a score is NaN, infinite or missing: it has no place in a ranking")
    queries = sorted(scores["query_id"].unique())
    judged = _judgments(with_labels(qrels), parsed, ambiguous)
    evaluator = _PROVIDERS.evaluator([parsed], _judged(judged, queries))
    rows = []
    for ranking, run in _runs(scores):
        values = {metric.query_id: metric.value for metric in evaluator.iter_calc(run)}
        rows += [(*ranking, query, float(values.get(query, parsed.DEFAULT))) for query in queries]
    schema = scores.select(*_RANKING, "query_id").schema | {"value": pl.Float64}
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .select(*_RANKING, "query_id", pl.lit(str(parsed)).alias("measure"), "value")
        .sort(*_RANKING, "query_id")
    )


def shuffled_rankings(scores: pl.DataFrame, n_shuffles: int, seed: int = 0) -> pl.DataFrame:
    """The pool of every query of ``scores`` in ``n_shuffles`` random orders.

    ``scores``: columns as in ``measure_rankings``. Returns the same columns, scheme ``shuffled``,
    top_percent 0, draw 0 to n_shuffles - 1, score the place from the end. All orders are equally
    likely; those of a query depend on its id, its passages and the seed, not on other queries.
    """
    pools = scores.group_by("query_id").agg(pl.col("doc_id").unique().sort()).sort("query_id")
    places = []
    for query, passages in pools.iter_rows():
        rng = np.random.default_rng([seed, zlib.crc32(query.encode())])
        orders = np.tile(np.arange(len(passages)), (n_shuffles, 1))
        places.append(rng.permuted(orders, axis=1).T.tolist())
    return (
        pools.with_columns(pl.Series("score", places, dtype=pl.List(pl.List(pl.Float64))))
        .explode("doc_id", "score")
        .with_columns(scheme=pl.lit(SHUFFLED), top_percent=0.0, draw=pl.int_ranges(n_shuffles))
        .explode("draw", "score")
        .select(scores.columns)
        .cast(dict(scores.schema))
    )


def parse_measure(measure: str) -> ir_measures.Measure:
    """The measure of this name, e.g. "nDCG@10", "RR@10", "AP", "P(rel=2)@5".

    Raises ``UserError`` for one that is unknown, wrongly written or not to be had here.
    """
    if not isinstance(measure, str):
        raise UserError(f"measure: {measure!r} was found; the name of one is needed, as nDCG@10")
    try:
        parsed = ir_measures.parse_measure(measure)
        # trec_eval ends the whole process on a cutoff of 0.
        if parsed.params.get("cutoff", 1) < 1:
            raise ValueError("the cutoff must be at least 1")
        list(_PROVIDERS.iter_calc([parsed], {"q": {"d": 1}}, {"q": {"d": 1.0}}))
    except Exception as error:
        raise UserError(
            f"measure {measure!r} cannot be used ({' '.join(str(error).split())}); allowed are the "
            "names of ir_measures for trec_eval, such as nDCG@10, RR@10, AP, P@5, R@100, Bpref"
        ) from error
    return parsed


def least_relevant(measure: ir_measures.Measure) -> int:
    """The gain from which on a passage is relevant to ``measure``; 1 where it does not say."""
    return measure.params.get("rel", 1)


def _judgments(qrels: pl.DataFrame, measure: ir_measures.Measure, ambiguous: str) -> pl.DataFrame:
    """The judgments that count for ``measure`` (query_id, doc_id, gain), no gain below 0.

    (trec_eval's code writes outside its memory where it meets a negative one.)
    """
    counted = qrels.drop_nulls("label") if ambiguous == "unjudged" else qrels
    gain = pl.col("gain")
    if "rel" in measure.SUPPORTED_PARAMS:  # binary: relevant from a gain of rel on
        gain = pl.when(pl.col("label") == "relevant").then(gain).otherwise(0)
    return counted.select("query_id", "doc_id", gain)


def _judged(judgments: pl.DataFrame, queries: list[str]) -> dict[str, dict[str, int]]:
    judgments = (
        judgments.filter(pl.col("query_id").is_in(queries))
        .group_by("query_id")
        .agg("doc_id", "gain")
    )
    return {
        query: dict(zip(doc_ids, gains, strict=True))
        for query, doc_ids, gains in judgments.iter_rows()
    }


def _runs(scores: pl.DataFrame) -> Iterator[tuple[tuple, dict[str, dict[str, float]]]]:
    """Yield (scheme, top_percent, draw) and {query_id: {doc_id: place from the end}}.

    Places instead of scores: ir_measures' other providers would break ties in their own ways.
    """
    worst_first = (
        scores.with_columns(pl.col("score").cast(pl.Float32))
        .sort("score", "doc_id")
        .group_by(*_RANKING, "query_id", maintain_order=True)
        .agg("doc_id")
    )
    for ranking, queries in worst_first.group_by(_RANKING, maintain_order=True):
        rows = queries.select("query_id", "doc_id").iter_rows()
        yield ranking, {query: dict(zip(docs, count(1.0), strict=False)) for query, docs in rows}
