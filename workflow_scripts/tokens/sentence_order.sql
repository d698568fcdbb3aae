-- One row is a query under an order of its passages' sentences: the value of a measure beside that of
-- the original order (base).
-- Variables: sentence_order (files).
WITH
orders AS (
    SELECT * FROM read_parquet(getvariable('sentence_order'), union_by_name := true)
    WHERE value IS NOT NULL
)

SELECT collection, one."order", measure, query_id, one.value, original.value AS base
FROM orders AS one
INNER JOIN orders AS original USING (collection, measure, query_id)
WHERE original."order" = 'original'
ORDER BY collection, one."order", measure, query_id;
