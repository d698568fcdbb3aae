-- One row is a query at a layer: of its pairs' passages the tokens at the start (the first `start`) and
-- those later, and how many of both are among their pair's most important ones, as in
-- token_positions.sql.
-- Variables: token_scores (files), method (name), important, start (numbers).
WITH
tokens AS (
    SELECT collection, layer, query_id, doc_id, label, part,
        row_number() OVER (
            PARTITION BY collection, layer, query_id, doc_id, label, part ORDER BY position
        ) <= getvariable('start') AS is_early,
        row_number() OVER (
            PARTITION BY collection, layer, query_id, doc_id, label
            ORDER BY score DESC, position
        ) <= getvariable('important') AS is_important
    FROM read_parquet(getvariable('token_scores'), union_by_name := true)
    WHERE method = getvariable('method') AND part IN ('query', 'passage')
)

SELECT
    collection,
    layer,
    query_id,
    count(*) FILTER (is_early AND is_important) AS important_early,
    count(*) FILTER (is_early) AS early,
    count(*) FILTER (NOT is_early AND is_important) AS important_late,
    count(*) FILTER (NOT is_early) AS late,
    count(DISTINCT (doc_id, label)) AS n_pairs
FROM tokens
WHERE part = 'passage'
GROUP BY collection, layer, query_id
ORDER BY collection, layer, query_id;
