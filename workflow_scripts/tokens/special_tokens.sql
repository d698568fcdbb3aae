-- One row is a query at a layer and part (cls, query, sep1, passage, sep2) of a method's maps: the sums
-- over its pairs that have the part, of the mean of scaled over the part's tokens and of their weight.
-- Variables: token_scores (files).
WITH
parts AS (
    SELECT
        collection,
        method,
        layer,
        part,
        query_id,
        doc_id,
        label,
        avg(scaled ORDER BY position) AS scaled,
        sum(weight ORDER BY position) AS weight
    FROM read_parquet(getvariable('token_scores'), union_by_name := true)
    GROUP BY collection, method, layer, part, query_id, doc_id, label
)

SELECT
    collection,
    method,
    layer,
    part,
    query_id,
    sum(scaled ORDER BY doc_id, label) AS scaled,
    sum(weight ORDER BY doc_id, label) AS weight,
    count(*) AS n_pairs
FROM parts
GROUP BY collection, method, layer, part, query_id
ORDER BY collection, method, layer, part, query_id;
