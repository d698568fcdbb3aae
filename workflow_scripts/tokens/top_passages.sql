-- One row is a query: of the ranker's top passage (value) and of the first stage's (base) the Jaccard
-- index of their tokens with the query's, and the mean reciprocal position of the tokens that match.
-- Variables: top_passages (files).
WITH
tops AS (
    SELECT * FROM read_parquet(getvariable('top_passages'), union_by_name := true)
),

both_ways AS (
    SELECT collection, 'jaccard' AS measure, query_id, jaccard_ranker AS value,
        jaccard_bm25 AS base
    FROM tops
    UNION ALL
    SELECT collection, 'mrr' AS measure, query_id, mrr_ranker AS value, mrr_bm25 AS base
    FROM tops
)

SELECT * FROM both_ways
WHERE value IS NOT NULL AND base IS NOT NULL
ORDER BY collection, measure, query_id;
