"""One table of all regressions: how near they come to the ranker, and how well they rank."""

from __future__ import annotations

import numpy as np
import polars as pl

from relevance_neurons.mechanism.ranking_values import ranking_values
from relevance_neurons.mechanism.semantic_bm25.correlations import (
    Correlations,
    Estimate,
    mean_over_queries,
    of_all_pairs,
    within_queries,
)
from relevance_neurons.mechanism.semantic_bm25.features import Pairs
from relevance_neurons.mechanism.semantic_bm25.regression import FORMS
from relevance_neurons.mechanism.semantic_bm25.variants import Regressions, Variant

_NUMBERS = [f"{name}{end}" for name in ("pearson", "spearman") for end in ("", "_low", "_high")]
SEMANTIC_BM25 = pl.Schema(
    dict.fromkeys(("collection", "variant", "form", "split"), pl.String)
    | dict.fromkeys(("n_heads", "n_features", "n_pairs", "n_queries"), pl.Int64)
    | dict.fromkeys(_NUMBERS, pl.Float64)
    | {"measure": pl.String}
    | dict.fromkeys(("value", "value_low", "value_high", "k1", "b"), pl.Float64)
    | dict.fromkeys(("n_left_out", "n_ranked"), pl.Int64)
)


def semantic_bm25(
    regressions: Regressions,
    collection: str,
    qrels: pl.DataFrame,
    measure: str = "nDCG@10",
    ambiguous: str = "gain",
    replicates: int = 10_000,
) -> pl.DataFrame:
    """One row is a regression (variant) of a collection in a form: ``SEMANTIC_BM25``.

    The ranker's logits are predicted from (METHOD, section 4):

    - legacy: idf, TF and idf · TF of the first five query tokens and the matching heads, as in the
      published code: standardised on all pairs, a fifth of the pairs held out;
    - features: the same, standardised in the training folds, folds by query, as all others below;
    - soft_tf_idf: the one sum of idf · TF over all query tokens, TF the mean of matching heads;
    - random_heads: the features of as many heads that do not match, drawn several times;
    - reinitialised: the features of the matching heads in re-initialised rankers;
    - bm25: BM25 of the exact words, k1 and b fitted on the training folds (their means here);
    - cross_encoder: the logits themselves.

    TF of a head is the attention of a query token to the passage. Least squares; where features
    are more than pairs, or collinear, those of the smallest norm. Form pointwise regresses logits;
    pairwise their differences within a query (``in_form``).

    pearson, spearman: of predicted and true logits of held-out pairs; pointwise over all n_pairs
    of n_queries, pairwise the mean over n_queries of the correlation within a query (n_left_out
    queries have none: one passage, or equal logits). value: the mean over n_ranked queries
    of ``measure``, of the ranking by held-out predictions, against all judgments in ``qrels``; null
    in legacy, which holds out a fifth of a query's passages. _low, _high: 95 % percentile bootstrap
    over queries, of the predictions as they are. Of several draws the value is the mean, and the
    interval that of a single draw. A pointwise correlation of what says nothing is not 0 but below:
    all that a fold is predicted is then the mean of the others, which is low where its own is high.

    Null are the numbers of heads where none matches (n_heads 0), of everything fitted below two
    queries (n_pairs and n_queries are then what there was), correlations where nothing that is
    predicted differs, k1 and b where they make no difference, and bounds below two queries.
    """
    pairs, seed = regressions.pairs, regressions.seed
    rows = []
    for form in FORMS:
        for variant in regressions.variants(form):
            found = _correlations(variant, pairs, form, replicates, seed)
            value, n_ranked = Estimate(), 0
            if _ranks(variant):
                values = ranking_values(pairs.ids, variant.predicted, qrels, measure, ambiguous)
                value, n_ranked = mean_over_queries(values, replicates, seed), values.shape[1]
            names = (collection, variant.name, form, variant.split)
            counts = (variant.n_heads, variant.n_features, found.n_pairs, found.n_queries)
            numbers = (*found.pearson, *found.spearman, measure, *value, variant.k1, variant.b)
            rows.append((*names, *counts, *numbers, found.n_left_out, n_ranked))
    return pl.DataFrame(rows, schema=SEMANTIC_BM25, orient="row")


def _ranks(variant: Variant) -> bool:
    """Whether every pair has a prediction."""
    predicted = variant.predicted
    return predicted is not None and predicted.size > 0 and bool(np.isfinite(predicted).all())


def _correlations(
    variant: Variant, pairs: Pairs, form: str, replicates: int, seed: int
) -> Correlations:
    if variant.predicted is None:
        return Correlations(n_pairs=len(pairs.logits), n_queries=pairs.n_queries)
    correlations = of_all_pairs if form == "pointwise" else within_queries
    return correlations(variant.predicted, pairs.logits, pairs.queries, replicates, seed)
