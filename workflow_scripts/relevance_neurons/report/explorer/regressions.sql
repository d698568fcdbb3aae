-- One row is a regression on a collection: its correlation with the ranker on queries that it has not
-- seen (legacy: pairs), and the quality of its own ranking.
SELECT
    collection,
    variant,
    form,
    split,
    n_heads,
    n_features,
    pearson,
    pearson_low,
    pearson_high,
    spearman,
    spearman_low,
    spearman_high,
    measure,
    value,
    value_low,
    value_high,
    n_pairs,
    n_queries
FROM semantic_bm25
ORDER BY collection, form, pearson DESC NULLS LAST, variant;
