-- One row: how far the sizes of neurons' activations have the same order in two rankers, as the
-- mean over the components of every layer, weighed by their neurons, of Spearman's correlation;
-- and how few neurons the smallest of these components has. Null without activations.
WITH
sizes AS (
    SELECT layer, component, neuron, a.root_mean_square AS a, b.root_mean_square AS b
    FROM a_activations AS a INNER JOIN b_activations AS b USING (layer, component, neuron)
),

-- Equal sizes share the mean of their ranks.
ranks AS (
    SELECT layer, component,
        rank() OVER (PARTITION BY layer, component ORDER BY a)
        + (count(*) OVER (PARTITION BY layer, component, a) - 1) / 2 AS a,
        rank() OVER (PARTITION BY layer, component ORDER BY b)
        + (count(*) OVER (PARTITION BY layer, component, b) - 1) / 2 AS b
    FROM sizes
),

components AS (
    SELECT count(*) AS n, corr(a, b) AS spearman
    FROM ranks
    GROUP BY layer, component
    HAVING stddev_pop(a) > 0 AND stddev_pop(b) > 0
)

SELECT sum(n * spearman) / sum(n) AS spearman, min(n) AS smallest FROM components;
