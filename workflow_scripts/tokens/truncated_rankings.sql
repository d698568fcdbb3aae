-- One row is a query whose passages keep a share of their tokens: the value of a measure beside that
-- of whole passages (base).
-- Variables: truncated_rankings (files).
WITH
rankings AS (
    SELECT * FROM read_parquet(getvariable('truncated_rankings'), union_by_name := true)
    WHERE value IS NOT NULL
)

SELECT collection, fields, one.kept_percent, measure, query_id, one.value, whole.value AS base
FROM rankings AS one
INNER JOIN rankings AS whole USING (collection, fields, measure, query_id)
WHERE whole.kept_percent = 100
ORDER BY collection, fields, one.kept_percent, measure, query_id;
