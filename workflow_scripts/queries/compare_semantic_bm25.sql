-- How much of the ranker is a BM25 over soft term frequencies, and how much would anything explain?
-- One row is a regression on a collection: its correlation with the ranker on what it has not seen,
-- by how much it lies above BM25 fitted on the same queries, and how well its own ranking does
-- beside BM25's and the ranker's: the part of the way from the one to the other, in percent.
-- `legacy` is split over pairs, as the paper's code does it: its correlation is of queries seen.
-- Choose first, if you like: SET VARIABLE form = 'pairwise'; (default: pointwise)
WITH
chosen AS (
    SELECT *
    FROM semantic_bm25
    WHERE form = coalesce(getvariable('form'), 'pointwise')
),

ends AS (
    SELECT
        collection,
        any_value(pearson) FILTER (variant = 'bm25' AND split = 'queries') AS bm25_pearson,
        any_value(value) FILTER (variant = 'bm25' AND split = 'queries') AS bm25_value,
        any_value(value) FILTER (variant = 'cross_encoder') AS ranker_value
    FROM chosen
    GROUP BY collection
)

SELECT
    chosen.collection,
    chosen.variant,
    chosen.form,
    chosen.split,
    chosen.n_heads,
    chosen.n_features,
    chosen.n_pairs,
    chosen.n_queries,
    chosen.pearson,
    chosen.pearson_low,
    chosen.pearson_high,
    chosen.spearman,
    chosen.pearson - ends.bm25_pearson AS pearson_above_bm25,
    chosen.measure,
    chosen.value,
    chosen.value_low,
    chosen.value_high,
    100 * (chosen.value - ends.bm25_value) / nullif(ends.ranker_value - ends.bm25_value, 0)
        AS percent_of_the_way
FROM chosen
INNER JOIN ends USING (collection)
ORDER BY chosen.collection, chosen.variant = 'cross_encoder' DESC, chosen.pearson DESC NULLS LAST,
    chosen.variant, chosen.split;
