-- One row is a query whose top passage is relevant, in one of two ways to remove tokens (fields): how
-- many and what percent go before it falls, whether it never does, and beside the percent that of
-- removing from query and passage (base).
-- Variables: token_truncation (files).
WITH
truncation AS (
    SELECT * FROM read_parquet(getvariable('token_truncation'), union_by_name := true)
)

SELECT collection, one.fields, query_id, one.n_removed, one.removed_percent AS value,
    "both".removed_percent AS base, (NOT one.falls)::INTEGER AS never_falls
FROM truncation AS one
INNER JOIN truncation AS "both" USING (collection, query_id)
WHERE "both".fields = 'both'
ORDER BY collection, one.fields, query_id;
