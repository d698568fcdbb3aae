-- Which method finds the tokens that a ranking needs, and what does it cost?
-- One row is a method (at a layer, if it has layers) on a collection or over all: what p loses with its
-- first tokens and over all steps, areas under its curves (most important first: small is good), on how
-- many of the ways and orders it differs from the first method after Holm, and its passes a pair.
WITH
costs AS (
    SELECT collection, method, layer, avg(cost_forwards ORDER BY query_id, doc_id) AS cost_forwards
    FROM token_checks
    GROUP BY collection, method, layer
)

SELECT
    areas.collection,
    areas.method,
    areas.layer,
    any_value(first_drop) FILTER (removal = 'deletion' AND "order" = 'most') AS first_drop,
    any_value(100 * first_drop_normalised) FILTER (removal = 'deletion' AND "order" = 'most')
        AS first_drop_percent,
    any_value(mean_drop) FILTER (removal = 'deletion' AND "order" = 'most') AS mean_drop,
    any_value(area) FILTER (removal = 'deletion' AND "order" = 'most') AS area_most_deleted,
    any_value(area) FILTER (removal = 'deletion' AND "order" = 'least') AS area_least_deleted,
    any_value(area) FILTER (removal = 'mask' AND "order" = 'most') AS area_most_masked,
    any_value(area) FILTER (removal = 'mask' AND "order" = 'least') AS area_least_masked,
    count(*) FILTER (p_value_holm <= 0.05) AS n_different_holm,
    count(p_value_holm) AS n_compared,
    any_value(cost_forwards) AS cost_forwards
FROM degradation_areas AS areas
LEFT JOIN costs
    ON costs.collection = areas.collection
    AND costs.method = areas.method
    AND costs.layer IS NOT DISTINCT FROM areas.layer
GROUP BY areas.collection, areas.method, areas.layer
ORDER BY areas.collection, mean_drop DESC, areas.method, areas.layer;
