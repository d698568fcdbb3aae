-- One row is a query: the mean reciprocal position of its tokens in passages that stand wrongly above
-- (value) and in the relevant ones below them (base), by the largest of each or by their mean.
-- Variables: matched_positions (files).
WITH
positions AS (
    SELECT * FROM read_parquet(getvariable('matched_positions'), union_by_name := true)
),

both_ways AS (
    SELECT collection, 'max' AS aggregate, query_id, higher_max AS value, lower_max AS base
    FROM positions
    UNION ALL
    SELECT collection, 'mean' AS aggregate, query_id, higher_mean AS value, lower_mean AS base
    FROM positions
)

SELECT * FROM both_ways
WHERE value IS NOT NULL AND base IS NOT NULL
ORDER BY collection, aggregate, query_id;
