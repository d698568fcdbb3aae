-- One row is an ablation of a collection that both studies measured on the same queries: how much
-- each query's measure changes in each study (mean over draws), in the order of query_id.
-- Parameters: collection.
WITH
values_a AS (
    SELECT scheme, top_percent, query_id, avg(value) AS value
    FROM a_measures WHERE collection = $collection GROUP BY ALL
),

values_b AS (
    SELECT scheme, top_percent, query_id, avg(value) AS value
    FROM b_measures WHERE collection = $collection GROUP BY ALL
),

changes_a AS (
    SELECT one.scheme, one.top_percent, query_id, one.value - original.value AS change
    FROM values_a AS one
    INNER JOIN (FROM values_a WHERE scheme = 'none') AS original USING (query_id)
),

changes_b AS (
    SELECT one.scheme, one.top_percent, query_id, one.value - original.value AS change
    FROM values_b AS one
    INNER JOIN (FROM values_b WHERE scheme = 'none') AS original USING (query_id)
)

SELECT scheme, top_percent,
    list(a.change ORDER BY query_id) AS changes_a, list(b.change ORDER BY query_id) AS changes_b
FROM changes_a AS a INNER JOIN changes_b AS b USING (scheme, top_percent, query_id)
WHERE (scheme, top_percent) IN (
    SELECT (scheme, top_percent) FROM a_ablation_effects
    INTERSECT
    SELECT (scheme, top_percent) FROM b_ablation_effects
)
GROUP BY scheme, top_percent
ORDER BY scheme, top_percent;
