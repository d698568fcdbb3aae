-- One row is a position in the passages (tokens, from 0) at a layer: how often a token there is among
-- its pair's most important ones (of query and passage; special tokens left out; ties by position), and
-- how many pairs have one there.
-- Variables: token_scores (files), method (name), important (number).
WITH
tokens AS (
    SELECT collection, layer, part,
        row_number() OVER (
            PARTITION BY collection, layer, query_id, doc_id, label, part ORDER BY position
        ) - 1 AS position,
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
    'original' AS "order",
    position,
    count(*) FILTER (is_important) AS n_important,
    count(*) AS n_pairs_there
FROM tokens
WHERE part = 'passage'
GROUP BY collection, layer, position
ORDER BY collection, layer, position;
