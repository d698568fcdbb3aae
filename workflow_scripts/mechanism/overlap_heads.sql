-- One row is a scheme at a level beside the heads of a kind, in one component of the attention: how
-- many of its neurons there are those heads', and how many as many random ones would be. Schemes of
-- heads (their neurons have no score) are left out: that a head has its own neurons is no finding.
-- Variables: schemes (file), head_neurons (file).
WITH
head_neurons AS (
    SELECT layer, component, neuron, unnest([
        {kind: 'matching', is_of_heads: is_matching},
        {kind: 'relevance', is_of_heads: is_relevance}
    ], recursive := true)
    FROM read_parquet(getvariable('head_neurons'))
),

components AS (
    SELECT kind, component, count(*) AS n_component,
        count(*) FILTER (is_of_heads) AS n_heads_neurons
    FROM head_neurons
    GROUP BY kind, component
),

schemes AS (
    SELECT scheme, top_percent, layer, component, neuron
    FROM read_parquet(getvariable('schemes'))
    WHERE score IS NOT NULL
),

levels AS (
    SELECT DISTINCT scheme, top_percent FROM schemes
),

counts AS (
    SELECT scheme, top_percent, kind, component, count(*) AS n_picked,
        count(*) FILTER (is_of_heads) AS n_shared
    FROM schemes INNER JOIN head_neurons USING (layer, component, neuron)
    GROUP BY scheme, top_percent, kind, component
)

SELECT scheme, top_percent, kind, component, coalesce(n_picked, 0) AS n_scheme, n_heads_neurons,
    n_component, coalesce(n_shared, 0) AS shared,
    coalesce(n_picked, 0) * n_heads_neurons / n_component AS expected
FROM levels CROSS JOIN components LEFT JOIN counts USING (scheme, top_percent, kind, component)
ORDER BY scheme, top_percent, kind, component_order(component);
