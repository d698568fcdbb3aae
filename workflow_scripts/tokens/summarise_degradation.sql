-- One row is a query at a step of a curve (collection, method, layer, removal, order): the sums over
-- its pairs of p_label there, of p_label before anything is removed (original) and of the floor.
-- The floor of a pair is the smallest p_label that any method, layer and order leaves of it once
-- all its tokens are removed in this way (deletion and mask apart: a curve ends near its own floor).
-- Variables: token_degradation (files).
WITH
steps AS (
    SELECT * FROM read_parquet(getvariable('token_degradation'), union_by_name := true)
),

floors AS (
    SELECT collection, query_id, doc_id, label, removal, min(p_label) AS floor
    FROM steps
    WHERE step = (SELECT max(step) FROM steps)
    GROUP BY collection, query_id, doc_id, label, removal
),

beside AS (
    SELECT
        *,
        first_value(p_label) OVER (
            PARTITION BY collection, method, layer, query_id, doc_id, label, removal, "order"
            ORDER BY step
        ) AS original
    FROM steps
    INNER JOIN floors USING (collection, query_id, doc_id, label, removal)
)

SELECT
    collection,
    method,
    layer,
    removal,
    "order",
    step,
    share,
    query_id,
    sum(p_label ORDER BY doc_id, label) AS p_label,
    sum(original ORDER BY doc_id, label) AS original,
    sum(floor ORDER BY doc_id, label) AS floor,
    count(*) AS n_pairs
FROM beside
GROUP BY collection, method, layer, removal, "order", step, share, query_id
ORDER BY collection, method, layer, removal, "order", step, query_id;
